import type { Dictionary } from '../event/dictionary.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { NOBODY, type Occupant, type Tenure } from './address-book.ts'
import type { Identities } from './identities.ts'
import { orElse } from './joined-identities.ts'

/** What is known of a flow, and how long that holds. */
interface Identified {
  readonly flow: number
  readonly source: Occupant | undefined
  readonly destination: Occupant | undefined
  /** Of event times, epoch milliseconds: from `fromMs` up to but not including `toMs`. */
  readonly fromMs: number
  readonly toMs: number
  /** Version of the identities that said so. */
  readonly version: number
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

/** When a flow's events were, and what is asked of whom. */
interface Question {
  readonly atMs: number
  readonly version: number
  readonly defaultCluster: string
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
    // It does not rise while a batch is looked at.
    const { version } = this.#identities
    let known = this.#known.get(dictionary)
    if (known === undefined) this.#known.set(dictionary, (known = { flows: [] }))
    const columnsOfFlows = [
      { flow: columns.flow, timeMs: columns.timeMs, events: columns.requests },
      { flow: columns.connectionFlow, timeMs: columns.connectionTimeMs, events: columns.connections },
    ]
    for (const { flow, timeMs, events } of columnsOfFlows) {
      for (let i = 0; i < events; i++) {
        const before = known.flows[flow[i]!]
        if (before === null) continue
        const atMs = timeMs[i]!
        const holds = before?.version === version && before.fromMs <= atMs && atMs < before.toMs
        flow[i] = holds
          ? before.flow
          : this.#look(dictionary, known, flow[i]!, { atMs, version, defaultCluster })
      }
    }
  }

  #look(
    dictionary: Dictionary,
    known: Known,
    flow: number,
    { atMs, version, defaultCluster }: Question,
  ): number {
    const before = known.flows[flow]
    const [from, to] = endsOf(dictionary, flow)
    const isFromOpen = isOpen(dictionary, from)
    const isToOpen = isOpen(dictionary, to)
    if (!isFromOpen && !isToOpen) {
      known.flows[flow] = null
      return flow
    }
    const source = isFromOpen ? this.#tenure(dictionary, from, atMs, defaultCluster) : NOBODY
    const destination = isToOpen ? this.#tenure(dictionary, to, atMs, defaultCluster) : NOBODY
    // Most changes of a cluster are of others: whoever it was then it still is.
    const isSame =
      before != null && before.source === source.occupant && before.destination === destination.occupant
    const named = isSame
      ? before.flow
      : withEnds(
          dictionary,
          flow,
          withOccupant(dictionary, from.endpoint, source.occupant),
          withOccupant(dictionary, to.endpoint, destination.occupant),
        )
    known.flows[flow] = {
      flow: named,
      source: source.occupant,
      destination: destination.occupant,
      version,
      fromMs: Math.max(source.fromMs, destination.fromMs),
      toMs: Math.min(source.toMs, destination.toMs),
    }
    return named
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

/** The flow between other ends. */
function withEnds(dictionary: Dictionary, flow: number, source: number, destination: number): number {
  return dictionary.flow(
    dictionary.flowFlags(flow),
    source,
    destination,
    dictionary.flowSymbol(flow, 'authority'),
    dictionary.flowSymbol(flow, 'method'),
    dictionary.flowSymbol(flow, 'scheme'),
    dictionary.flowSymbol(flow, 'route'),
    dictionary.flowSymbol(flow, 'path'),
    dictionary.flowSymbol(flow, 'proxy'),
  )
}

/**
 * The endpoint with an occupant's fields where it has none of its own; a service's address names no workload. Where the
 * event has another namespace or kind than the occupant, both together would be a workload that does not exist.
 */
function withOccupant(dictionary: Dictionary, endpoint: number, occupant: Occupant | undefined): number {
  if (occupant === undefined) return endpoint
  for (const field of ['namespace', 'kind'] as const) {
    const own = dictionary.endpointText(endpoint, field)
    if (own !== '' && occupant[field] !== '' && own !== occupant[field]) return endpoint
  }
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
