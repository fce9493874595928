import type { Direction } from '../event/event.ts'

/** Name of the series, scopes and sketch rows that take what exceeds a cardinality limit. */
export const OVERFLOW = '__overflow__'

export interface Workload {
  readonly cluster: string
  readonly namespace: string
  /** Singular, lower case; `''` where unknown. */
  readonly kind: string
  /** `''` where unknown. */
  readonly name: string
}

/** What a series counts: the requests that one pod's proxy reports in one direction with one peer, route, method. */
export interface SeriesKey {
  /** Unique text of the key: two keys are the same series when their ids are equal. */
  readonly id: string
  /** The reporting pod's workload. */
  readonly workload: Workload
  /** The reporting pod; `''` in the tier without pods. */
  readonly pod: string
  readonly direction: Direction
  /** The other side's workload. */
  readonly peer: Workload
  /** The destination's service. */
  readonly service: string
  readonly authority: string
  readonly route: string
  readonly method: string
  /** Undefined where the proxy does not say. */
  readonly tls: boolean | undefined
}

export function seriesKey(key: Omit<SeriesKey, 'id'>): SeriesKey {
  const { workload, peer } = key
  const id = [
    workload.cluster,
    workload.namespace,
    workload.kind,
    workload.name,
    key.pod,
    key.direction,
    peer.cluster,
    peer.namespace,
    peer.kind,
    peer.name,
    key.service,
    key.authority,
    key.route,
    key.method,
    key.tls ?? '',
  ].join('\u0000')
  return { ...key, id }
}

const podless = new WeakMap<SeriesKey, SeriesKey>()

/** The series that a series counts in where pods are not kept apart. Remembered as long as the series is. */
export function withoutPod(key: SeriesKey): SeriesKey {
  if (key.pod === '') return key
  let without = podless.get(key)
  if (without === undefined) podless.set(key, (without = seriesKey({ ...key, pod: '' })))
  return without
}

/** What a blob holds the series of: one namespace of one cluster. */
export interface Scope {
  readonly cluster: string
  readonly namespace: string
}

/** A scope as the store's field name: `cluster/namespace`, with `%` and `/` of the parts percent-encoded. */
export function scopeName(scope: Scope): string {
  return `${escapePart(scope.cluster)}/${escapePart(scope.namespace)}`
}

/** Name of the scope that takes what exceeds the limit of scopes. */
export const OVERFLOW_SCOPE = scopeName({ cluster: OVERFLOW, namespace: OVERFLOW })

export function parseScope(name: string): Scope {
  const slash = name.indexOf('/')
  return { cluster: unescapePart(name.slice(0, slash)), namespace: unescapePart(name.slice(slash + 1)) }
}

function escapePart(text: string): string {
  return text.includes('%') || text.includes('/') ? text.replaceAll('%', '%25').replaceAll('/', '%2F') : text
}

function unescapePart(text: string): string {
  return text.includes('%') ? text.replaceAll('%2F', '/').replaceAll('%25', '%') : text
}
