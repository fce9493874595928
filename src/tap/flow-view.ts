import type { Dictionary } from '../event/dictionary.ts'
import type { Direction } from '../event/event.ts'
import { FlowTable, type FlowTableOptions, shownPath } from '../rollup/flow-table.ts'

/** One end of a flow, as taps name it. */
export interface EndView {
  readonly cluster: string
  readonly namespace: string
  /** Workload kind; the same stand-ins as in `stat` where the workload is not known. */
  readonly kind: string
  readonly name: string
  readonly pod: string
  readonly service: string
}

/** What a flow decides about its events: `''` where unknown. */
export interface FlowView {
  readonly direction: Direction
  readonly source: EndView
  readonly destination: EndView
  readonly method: string
  /** In lower case. */
  readonly authority: string
  /** Without query string. */
  readonly path: string
  /** As the proxy names it, else derived from the path, as in `routes`. */
  readonly route: string
}

/** Answers the flows of one dictionary as objects. */
export class FlowViews {
  readonly #dictionary: Dictionary
  readonly #options: FlowTableOptions
  readonly #workloads: FlowTable

  constructor(dictionary: Dictionary, options: FlowTableOptions) {
    this.#dictionary = dictionary
    this.#options = options
    this.#workloads = new FlowTable(dictionary, options)
  }

  view(flow: number): FlowView {
    return new LazyFlowView(this.#dictionary, this.#options, this.#workloads, flow)
  }
}

/** Reads each field when it is first asked for: most taps are told apart by one or two. */
class LazyFlowView implements FlowView {
  readonly #dictionary: Dictionary
  readonly #options: FlowTableOptions
  readonly #workloads: FlowTable
  readonly #flow: number
  readonly direction: Direction
  #source: EndView | undefined
  #destination: EndView | undefined
  #path: string | undefined
  #route: string | undefined
  #authority: string | undefined

  constructor(dictionary: Dictionary, options: FlowTableOptions, workloads: FlowTable, flow: number) {
    this.#dictionary = dictionary
    this.#options = options
    this.#workloads = workloads
    this.#flow = flow
    this.direction = dictionary.flowDirection(flow)
  }

  get source(): EndView {
    return (this.#source ??= this.#end(this.#dictionary.flowSource(this.#flow), 'outbound'))
  }

  get destination(): EndView {
    return (this.#destination ??= this.#end(this.#dictionary.flowDestination(this.#flow), 'inbound'))
  }

  get method(): string {
    return this.#dictionary.flowText(this.#flow, 'method')
  }

  get authority(): string {
    return (this.#authority ??= this.#dictionary.flowText(this.#flow, 'authority').toLowerCase())
  }

  get path(): string {
    return (this.#path ??= shownPath(this.#options, this.#dictionary.flowText(this.#flow, 'path')))
  }

  get route(): string {
    return (this.#route ??=
      this.#dictionary.flowText(this.#flow, 'route') || this.#options.routes.routeOf(this.path))
  }

  #end(endpoint: number, reportsAs: Direction): EndView {
    const { cluster, namespace, kind, name } = this.#workloads.workload(endpoint)
    const pod = this.#dictionary.endpointText(endpoint, 'pod')
    return {
      cluster,
      namespace,
      kind,
      name,
      pod: pod === '' && this.direction === reportsAs ? this.#dictionary.flowText(this.#flow, 'proxy') : pod,
      service: this.#dictionary.endpointText(endpoint, 'service'),
    }
  }
}
