import type { Dictionary } from '../event/dictionary.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { NOBODY, type Occupant, type Tenure } from './address-book.ts'
import type { Identities } from './identities.ts'
import { orElse } from './joined-identities.ts'

/** What is known of a flow, and how long that holds. */
interface Identified {
  readonly flow: number
  /** Of event times, epoch milliseconds: from `fromMs` up to but not including `toMs`. */
  readonly fromMs: number
  readonly toMs: number
  /** Version of the identities that said so. */
  readonly version: number
}

/** An endpoint with what is known of it, and while that holds. */
interface Named {
  readonly endpoint: number
  readonly fromMs: number
  readonly toMs: number
}

/** One end of a flow, and the symbol of its proxy's id where it is the one that reports, else 0. */
interface End {
  readonly endpoint: number
  readonly proxy: number
}

interface Known {
  /** By flow: undefined where it was not looked at yet, null where it says itself who it is. */
  readonly flows: (Identified | null | undefined)[]
}

const TEXTS = ['namespace', 'kind', 'name', 'pod', 'service'] as const

/**
 * Gives the ends of events that name no workload the one that had their address, or the pod's name that they give, at
 * the event's time. What an event says itself is kept. An end of which nothing is known stays the address that it is.
 *
 * Works on the flows of a dictionary: looked up once a flow and version of the identities, then one comparison an event.
 * What it holds is bounded by the dictionary.
 */
export class FlowIdentities {
  readonly #identities: Identities
  readonly #known = new WeakMap<Dictionary, Known>()

  constructor(identities: Identities) {
    this.#identities = identities
  }

  /** Puts identified flows in place of those of a batch. `defaultCluster` is that of endpoints that name none. */
  identify(columns: EventColumns, defaultCluster: string): void {
    const { dictionary } = columns
    let known = this.#known.get(dictionary)
    if (known === undefined) this.#known.set(dictionary, (known = { flows: [] }))
    const columnsOfFlows = [
      { flow: columns.flow, timeMs: columns.timeMs, events: columns.requests },
      { flow: columns.connectionFlow, timeMs: columns.connectionTimeMs, events: columns.connections },
    ]
    for (const { flow, timeMs, events } of columnsOfFlows) {
      for (let i = 0; i < events; i++) {
        const identified = known.flows[flow[i]!]
        if (identified === null) continue
        flow[i] = this.#flowAt(dictionary, known, flow[i]!, timeMs[i]!, defaultCluster)
      }
    }
  }

  #flowAt(dictionary: Dictionary, known: Known, flow: number, atMs: number, defaultCluster: string): number {
    const { version } = this.#identities
    const before = known.flows[flow]
    if (before && before.version === version && before.fromMs <= atMs && atMs < before.toMs)
      return before.flow
    const [from, to] = endsOf(dictionary, flow)
    if (!isOpen(dictionary, from) && !isOpen(dictionary, to)) {
      known.flows[flow] = null
      return flow
    }
    const source = this.#named(dictionary, from, atMs, defaultCluster)
    const destination = this.#named(dictionary, to, atMs, defaultCluster)
    const named =
      source.endpoint === from.endpoint && destination.endpoint === to.endpoint
        ? flow
        : dictionary.flow(
            dictionary.flowFlags(flow),
            source.endpoint,
            destination.endpoint,
            dictionary.flowSymbol(flow, 'authority'),
            dictionary.flowSymbol(flow, 'method'),
            dictionary.flowSymbol(flow, 'scheme'),
            dictionary.flowSymbol(flow, 'route'),
            dictionary.flowSymbol(flow, 'path'),
            dictionary.flowSymbol(flow, 'proxy'),
          )
    known.flows[flow] = {
      flow: named,
      version,
      fromMs: Math.max(source.fromMs, destination.fromMs),
      toMs: Math.min(source.toMs, destination.toMs),
    }
    return named
  }

  #named(dictionary: Dictionary, end: End, atMs: number, defaultCluster: string): Named {
    const { endpoint } = end
    if (!isOpen(dictionary, end)) return { endpoint, fromMs: -Infinity, toMs: Infinity }
    const { occupant, fromMs, toMs } = this.#tenure(dictionary, end, atMs, defaultCluster)
    const named = occupant === undefined ? endpoint : withOccupant(dictionary, endpoint, occupant)
    return { endpoint: named, fromMs, toMs }
  }

  #tenure(dictionary: Dictionary, { endpoint, proxy }: End, atMs: number, defaultCluster: string): Tenure {
    const text = (field: 'cluster' | 'namespace' | 'pod' | 'ip') => dictionary.endpointText(endpoint, field)
    const cluster = text('cluster') || defaultCluster
    const [namespace, pod, ip] = [text('namespace'), text('pod'), text('ip')]
    if (pod !== '') return this.#identities.ofPod(cluster, namespace, pod, atMs)
    const found = ip === '' ? NOBODY : this.#identities.atAddress(cluster, ip, atMs)
    if (found.occupant !== undefined || proxy === 0) return found
    const named = dictionary.symbols.text(proxy)
    return orElse(found, this.#identities.ofPod(cluster, namespace, named, atMs))
  }
}

/** The source and the destination of a flow. */
function endsOf(dictionary: Dictionary, flow: number): readonly [End, End] {
  const proxy = dictionary.flowSymbol(flow, 'proxy')
  const isInbound = dictionary.flowDirection(flow) === 'inbound'
  return [
    { endpoint: dictionary.flowSource(flow), proxy: isInbound ? 0 : proxy },
    { endpoint: dictionary.flowDestination(flow), proxy: isInbound ? proxy : 0 },
  ]
}

/** Whether there is something to look up of an end that does not say which workload it is. */
function isOpen(dictionary: Dictionary, { endpoint, proxy }: End): boolean {
  if (dictionary.endpointSymbol(endpoint, 'name') !== 0) return false
  const has = (field: 'pod' | 'ip') => dictionary.endpointSymbol(endpoint, field) !== 0
  return has('pod') || has('ip') || proxy !== 0
}

/** The endpoint with an occupant's fields where it has none of its own. A service's address names no workload. */
function withOccupant(dictionary: Dictionary, endpoint: number, occupant: Occupant): number {
  const symbolOf = (field: (typeof TEXTS)[number]): number =>
    dictionary.endpointSymbol(endpoint, field) || dictionary.symbols.intern(occupant[field])
  return dictionary.endpoint(
    dictionary.endpointSymbol(endpoint, 'cluster'),
    symbolOf('namespace'),
    symbolOf('kind'),
    symbolOf('name'),
    symbolOf('pod'),
    symbolOf('service'),
    dictionary.endpointSymbol(endpoint, 'ip'),
    dictionary.endpointSymbol(endpoint, 'port'),
    dictionary.endpointSymbol(endpoint, 'identity'),
  )
}
