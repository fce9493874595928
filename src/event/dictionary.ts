import type { Direction, Endpoint } from './event.ts'
import { Symbols } from './symbols.ts'
import { TupleTable } from './tuple-table.ts'

/** Places of an endpoint's tuple; all but `port` are symbols. */
const ENDPOINT = {
  cluster: 0,
  namespace: 1,
  kind: 2,
  name: 3,
  pod: 4,
  service: 5,
  ip: 6,
  port: 7,
  identity: 8,
} as const
const ENDPOINT_ARITY = 9

/** Places of a flow's tuple: `flags` packs direction and TLS, the endpoints are endpoint ids, the rest symbols. */
const FLOW = {
  flags: 0,
  source: 1,
  destination: 2,
  authority: 3,
  method: 4,
  scheme: 5,
  route: 6,
  path: 7,
  proxy: 8,
} as const
const FLOW_ARITY = 9

/** Places of an outcome's tuple; `reason` is a symbol. */
const OUTCOME = { status: 0, grpcStatus: 1, reset: 2, reason: 3 } as const
const OUTCOME_ARITY = 4

export type EndpointField = keyof typeof ENDPOINT
export type FlowField = 'authority' | 'method' | 'scheme' | 'route' | 'path' | 'proxy'

/** Bits of a flow's flags. */
export const FLAG_OUTBOUND = 1
export const FLAG_TLS_KNOWN = 2
export const FLAG_TLS = 4

/**
 * Everything about events that repeats, interned: strings, endpoints, flows and outcomes.
 *
 * A **flow** is what events that differ only in time, outcome, latency, bytes and trace share: who reports, from
 * whom, to whom, which authority, method, route and path. An **outcome** is status, gRPC status, reset and reason.
 * An event then is two small integers and a few numbers, and whatever depends on the rest (its series, its
 * route, the taps that want it) is worked out once a flow.
 *
 * A dictionary serves many batches and only grows; `overfull` says when its owner should start a new one. Ids of
 * one dictionary mean nothing to another.
 */
export class Dictionary {
  readonly symbols = new Symbols()
  readonly #endpoints = new TupleTable(ENDPOINT_ARITY)
  readonly #flows = new TupleTable(FLOW_ARITY)
  readonly #outcomes = new TupleTable(OUTCOME_ARITY)
  readonly #limits: DictionaryLimits
  readonly #scratch = new Int32Array(FLOW_ARITY)

  constructor(limits: DictionaryLimits = DEFAULT_DICTIONARY_LIMITS) {
    this.#limits = limits
  }

  /** Whether the dictionary has passed its limits and should be replaced before the next batch. */
  get overfull(): boolean {
    return (
      this.symbols.bytes > this.#limits.symbolBytes ||
      this.#flows.size > this.#limits.flows ||
      this.#endpoints.size > this.#limits.flows ||
      this.#outcomes.size > this.#limits.flows ||
      this.symbols.crowded ||
      this.#endpoints.crowded ||
      this.#flows.crowded ||
      this.#outcomes.crowded
    )
  }

  get flowCount(): number {
    return this.#flows.size
  }

  get endpointCount(): number {
    return this.#endpoints.size
  }

  get outcomeCount(): number {
    return this.#outcomes.size
  }

  /** Id of an endpoint given by symbols (and a port); id 0 is the endpoint of which nothing is known. */
  endpoint(
    cluster: number,
    namespace: number,
    kind: number,
    name: number,
    pod: number,
    service: number,
    ip: number,
    port: number,
    identity: number,
  ): number {
    const tuple = this.#scratch
    tuple[ENDPOINT.cluster] = cluster
    tuple[ENDPOINT.namespace] = namespace
    tuple[ENDPOINT.kind] = kind
    tuple[ENDPOINT.name] = name
    tuple[ENDPOINT.pod] = pod
    tuple[ENDPOINT.service] = service
    tuple[ENDPOINT.ip] = ip
    tuple[ENDPOINT.port] = port
    tuple[ENDPOINT.identity] = identity
    return this.#endpoints.intern(tuple)
  }

  /**
   * Ids of many endpoints at once, given by columns in the order of `endpoint`'s arguments, undefined where a column is
   * all zeros. Puts the id of row `i` at `ids[i + 1]`: what counts rows from 1 can use it as it is.
   */
  endpoints(columns: readonly (Int32Array | undefined)[], rows: number, ids: Int32Array): void {
    this.#endpoints.internColumns(columns, rows, ids, 1)
  }

  /** As `endpoints`, for flows. */
  flows(columns: readonly (Int32Array | undefined)[], rows: number, ids: Int32Array): void {
    this.#flows.internColumns(columns, rows, ids, 1)
  }

  /** Id of a flow. `flags` is made of the `FLAG_` bits. */
  flow(
    flags: number,
    source: number,
    destination: number,
    authority: number,
    method: number,
    scheme: number,
    route: number,
    path: number,
    proxy: number,
  ): number {
    const tuple = this.#scratch
    tuple[FLOW.flags] = flags
    tuple[FLOW.source] = source
    tuple[FLOW.destination] = destination
    tuple[FLOW.authority] = authority
    tuple[FLOW.method] = method
    tuple[FLOW.scheme] = scheme
    tuple[FLOW.route] = route
    tuple[FLOW.path] = path
    tuple[FLOW.proxy] = proxy
    return this.#flows.intern(tuple)
  }

  /** Id of an outcome; `status` and `grpcStatus` are -1 where there is none, `reason` is a symbol. */
  outcome(status: number, grpcStatus: number, reset: boolean, reason: number): number {
    const tuple = this.#scratch
    // Stored plus one, so that the tuple of zeros, which is id 0, is the outcome of which nothing is known.
    tuple[OUTCOME.status] = status + 1
    tuple[OUTCOME.grpcStatus] = grpcStatus + 1
    tuple[OUTCOME.reset] = reset ? 1 : 0
    tuple[OUTCOME.reason] = reason
    return this.#outcomes.intern(tuple)
  }

  flowFlags(flow: number): number {
    return this.#flows.get(flow, FLOW.flags)
  }

  flowDirection(flow: number): Direction {
    return this.flowFlags(flow) & FLAG_OUTBOUND ? 'outbound' : 'inbound'
  }

  flowTls(flow: number): boolean | undefined {
    const flags = this.flowFlags(flow)
    return flags & FLAG_TLS_KNOWN ? (flags & FLAG_TLS) !== 0 : undefined
  }

  /** Endpoint id of a flow's source. */
  flowSource(flow: number): number {
    return this.#flows.get(flow, FLOW.source)
  }

  /** Endpoint id of a flow's destination. */
  flowDestination(flow: number): number {
    return this.#flows.get(flow, FLOW.destination)
  }

  /** Symbol of one field of a flow. */
  flowSymbol(flow: number, field: FlowField): number {
    return this.#flows.get(flow, FLOW[field])
  }

  flowText(flow: number, field: FlowField): string {
    return this.symbols.text(this.flowSymbol(flow, field))
  }

  /** Symbol of one field of an endpoint; of `port`, the number. */
  endpointSymbol(endpoint: number, field: EndpointField): number {
    return this.#endpoints.get(endpoint, ENDPOINT[field])
  }

  endpointText(endpoint: number, field: Exclude<EndpointField, 'port'>): string {
    return this.symbols.text(this.#endpoints.get(endpoint, ENDPOINT[field]))
  }

  /** An endpoint as an object, with only the fields that are known. */
  endpointObject(endpoint: number): Endpoint {
    const object: { -readonly [F in keyof Endpoint]: Endpoint[F] } = {}
    for (const field of ENDPOINT_TEXTS) {
      const text = this.endpointText(endpoint, field)
      if (text !== '') object[field] = text
    }
    const port = this.#endpoints.get(endpoint, ENDPOINT.port)
    if (port !== 0) object.port = port
    return object
  }

  /** HTTP status of an outcome, -1 where there is none. */
  outcomeStatus(outcome: number): number {
    return this.#outcomes.get(outcome, OUTCOME.status) - 1
  }

  /** gRPC status of an outcome, -1 where there is none. */
  outcomeGrpcStatus(outcome: number): number {
    return this.#outcomes.get(outcome, OUTCOME.grpcStatus) - 1
  }

  outcomeReset(outcome: number): boolean {
    return this.#outcomes.get(outcome, OUTCOME.reset) === 1
  }

  /** Symbol of an outcome's reason. */
  outcomeReason(outcome: number): number {
    return this.#outcomes.get(outcome, OUTCOME.reason)
  }
}

const ENDPOINT_TEXTS = ['cluster', 'namespace', 'kind', 'name', 'pod', 'service', 'ip', 'identity'] as const

export interface DictionaryLimits {
  /** Bytes of distinct strings. */
  readonly symbolBytes: number
  /** Distinct flows, distinct endpoints and distinct outcomes. */
  readonly flows: number
}

export const DEFAULT_DICTIONARY_LIMITS: DictionaryLimits = { symbolBytes: 32 * 1024 * 1024, flows: 500_000 }
