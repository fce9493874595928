import type { Direction } from '../event/event.ts'
import type { ResourceKindName } from '../rollup/resource-kind.ts'

/** Kinds that are told apart below a namespace; a cluster or namespace is given by its own field. */
export type SelectorKind = Exclude<ResourceKindName, 'cluster' | 'namespace' | 'all'>

/** A workload, pod, service, authority or route to select by. Fields left out match all. */
export interface ResourceSelector {
  readonly cluster?: string
  readonly namespace?: string
  /** Without it any kind. */
  readonly kind?: SelectorKind
  /** Only with a kind. */
  readonly name?: string
}

export type StatusFilter =
  | { readonly kind: 'exact'; readonly status: number }
  /** `5xx` is 5. */
  | { readonly kind: 'class'; readonly hundreds: number }
  | { readonly kind: 'classification'; readonly classification: 'success' | 'failure' }

export interface HeaderFilter {
  /** In lower case. */
  readonly name: string
  /** The whole value, compared exactly; without it the header's presence is enough. */
  readonly value?: string
}

/** Namespaces, by patterns, whose proxies' reports a tap shows, and what of them. */
export interface TapScope {
  readonly cluster: string
  readonly namespace: string
  readonly paths: boolean
  readonly headers: boolean
}

/**
 * What a tap wants to see: all of its conditions must hold.
 *
 * - `resource` is the side that reports: with a direction of `inbound` as destination, of `outbound` as source, without
 *   one both, so that a request between two proxies that are both meant is seen twice, once from each side.
 * - A service, authority or route has no proxies: it is what requests go to, `direction` then says whose reports are
 *   wanted, those of servers (`inbound`), of clients (`outbound`), or both.
 * - `to` names the other end of outbound reports, `from` that of inbound ones. They exclude each other.
 */
export interface TapQuery {
  readonly resource: ResourceSelector
  readonly direction?: Direction
  readonly to?: ResourceSelector
  readonly from?: ResourceSelector
  /** In upper case; the events' own case does not count. */
  readonly method?: string
  /** The whole authority, port included, or a glob of it; in lower case, the events' own case does not count. */
  readonly authority?: string
  /** A prefix, or a glob of the whole path where it holds `*` (any run of characters) or `?` (one). Without query string. */
  readonly path?: string
  readonly status?: StatusFilter
  readonly minLatencyMicros?: number
  /** A request or response header. */
  readonly header?: HeaderFilter
  /**
   * What is shown of which reports; without it all of all. Not a condition that a client gives: what it may see. Nothing
   * else is matched, published or shared.
   */
  readonly scopes?: readonly TapScope[]
  /** Most events a second, an even sample over time and workers. */
  readonly maxRps: number
}

export const DEFAULT_MAX_RPS = 100

/** One event in 100 s. */
export const LEAST_MAX_RPS = 0.01

export const MOST_MAX_RPS = 10_000
