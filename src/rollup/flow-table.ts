import type { Dictionary } from '../event/dictionary.ts'
import type { Redaction } from './redaction.ts'
import { type RouteTemplates, withoutQuery } from './route.ts'
import { scopeName, seriesKey, type SeriesKey, type Workload } from './series.ts'
import type { TopKey } from './top-block.ts'
import { topKeyId } from './top-sketch.ts'

/** What the fold needs to know of a flow, worked out once. */
export interface FoldedFlow {
  readonly series: SeriesKey
  readonly scope: string
  readonly destination: Workload
  readonly topKey: TopKey
  readonly topId: string
  /** TLS identities of both ends, empty where they are not known. */
  readonly client: string
  readonly server: string
}

export interface FlowTableOptions {
  readonly routes: RouteTemplates
  /** Cluster of endpoints that name none. */
  readonly defaultCluster: string
  /** What of paths is not kept. */
  readonly redaction?: Redaction
}

const UNKNOWN: Workload = { cluster: '', namespace: '', kind: '', name: '' }

/** From flows of one dictionary to series and top keys, bounded by the dictionary. */
export class FlowTable {
  readonly #dictionary: Dictionary
  readonly #options: FlowTableOptions
  readonly #flows: (FoldedFlow | undefined)[] = []
  readonly #workloads: (Workload | undefined)[] = []
  readonly #series = new Map<string, SeriesKey>()
  readonly #routeOfPath = new Map<number, string>()

  constructor(dictionary: Dictionary, options: FlowTableOptions) {
    this.#dictionary = dictionary
    this.#options = options
  }

  flow(id: number): FoldedFlow {
    return (this.#flows[id] ??= this.#resolve(id))
  }

  /** An endpoint's workload; the one of which nothing is known has empty fields. */
  workload(endpoint: number): Workload {
    return (this.#workloads[endpoint] ??= workloadOf(
      this.#dictionary,
      endpoint,
      this.#options.defaultCluster,
    ))
  }

  #resolve(id: number): FoldedFlow {
    const dictionary = this.#dictionary
    const direction = dictionary.flowDirection(id)
    const sourceEndpoint = dictionary.flowSource(id)
    const destinationEndpoint = dictionary.flowDestination(id)
    const source = this.workload(sourceEndpoint)
    const destination = this.workload(destinationEndpoint)
    const [reporter, reporterEndpoint, peer] =
      direction === 'inbound'
        ? [destination, destinationEndpoint, source]
        : [source, sourceEndpoint, destination]
    const method = dictionary.flowText(id, 'method')
    const key = seriesKey({
      workload: reporter,
      pod: dictionary.endpointText(reporterEndpoint, 'pod') || dictionary.flowText(id, 'proxy'),
      direction,
      peer,
      service: dictionary.endpointText(destinationEndpoint, 'service'),
      authority: dictionary.flowText(id, 'authority'),
      route: dictionary.flowText(id, 'route') || this.#route(dictionary.flowSymbol(id, 'path')),
      method,
      tls: dictionary.flowTls(id),
    })
    // Flows that differ only in path share their series, and so one key object.
    const series = this.#series.get(key.id) ?? key
    if (series === key) this.#series.set(key.id, key)
    const topKey = { source, method, path: shownPath(this.#options, dictionary.flowText(id, 'path')) }
    return {
      series,
      scope: scopeName(reporter),
      destination,
      topKey,
      topId: topKeyId(topKey),
      client: dictionary.endpointText(sourceEndpoint, 'identity'),
      server: dictionary.endpointText(destinationEndpoint, 'identity'),
    }
  }

  #route(pathSymbol: number): string {
    let route = this.#routeOfPath.get(pathSymbol)
    if (route === undefined) {
      route = this.#options.routes.routeOf(
        shownPath(this.#options, this.#dictionary.symbols.text(pathSymbol)),
      )
      this.#routeOfPath.set(pathSymbol, route)
    }
    return route
  }
}

/** A path as rollups, taps and routes have it: without query string, and without what is not shown. */
export function shownPath({ redaction }: FlowTableOptions, path: string): string {
  const bare = withoutQuery(path)
  return redaction === undefined ? bare : redaction.path(bare)
}

/**
 * The workload of an endpoint. Without a workload name the pod stands in for it, then the service, then the address,
 * each as a kind of its own: what is not known stays visible as what it is.
 */
function workloadOf(dictionary: Dictionary, endpoint: number, defaultCluster: string): Workload {
  const text = (field: 'cluster' | 'namespace' | 'kind' | 'name' | 'pod' | 'service' | 'ip') =>
    dictionary.endpointText(endpoint, field)
  const named = (kind: string, name: string): Workload => ({
    cluster: text('cluster') || defaultCluster,
    namespace: text('namespace'),
    kind,
    name,
  })
  if (text('name') !== '') return named(text('kind') || 'deployment', text('name'))
  if (text('pod') !== '') return named('pod', text('pod'))
  if (text('service') !== '') return named('service', text('service'))
  if (text('ip') !== '') return named('ip', text('ip'))
  if (text('namespace') === '') return UNKNOWN
  return named('', '')
}
