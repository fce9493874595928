import type { Direction } from '../event/event.ts'

/** A workload, pod or service to select by. Fields left out match all. */
export interface ResourceSelector {
  readonly cluster?: string
  readonly namespace?: string
  /** Canonical kind: a workload kind, `pod`, `service`, `authority`, or `namespace`. Without it any kind. */
  readonly kind?: string
  readonly name?: string
}

export type StatusFilter =
  | { readonly kind: 'exact'; readonly status: number }
  /** `5xx` is 5. */
  | { readonly kind: 'class'; readonly hundreds: number }
  | { readonly kind: 'classification'; readonly classification: 'success' | 'failure' }

/**
 * What a tap wants to see: all of its conditions must hold.
 *
 * `resource` is the reporting side: with a direction of `inbound` its reports as destination, of `outbound` as source,
 * without one both. `to` (the resource as source: outbound reports) and `from` (as destination: inbound) name the peer.
 */
export interface TapQuery {
  readonly resource: ResourceSelector
  readonly direction?: Direction
  readonly to?: ResourceSelector
  readonly from?: ResourceSelector
  readonly method?: string
  readonly authority?: string
  /** A prefix, or a glob where it holds `*` (any run of characters) or `?` (one). The query string is not matched. */
  readonly path?: string
  readonly status?: StatusFilter
  readonly minLatencyMicros?: number
  /** A request or response header, by lower-case name; without a value its presence is enough. */
  readonly header?: { readonly name: string; readonly value?: string }
  /** Most events a second, a uniform sample over time and workers. */
  readonly maxRps: number
}
