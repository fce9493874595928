/** The roles, as `config` has them. */
export type RoleName = 'serve' | 'ingest' | 'aggregator' | 'gateway' | 'exporter'

/** What a value is in; `bool` is 0 or 1, and an `info` is 1 and says all in its labels. */
export type Unit = 'seconds' | 'bytes' | 'count' | 'bool' | 'info'

/** A family of meshtap's own metrics. */
export interface OwnFamily {
  /** As samples are called. Of a counter it ends in `_total`. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** Each of few values: of nothing that a client, an event or the mesh says. */
  readonly labels: readonly string[]
  readonly unit: Unit
  /** The roles that have it. */
  readonly roles: readonly RoleName[]
  /** Upper bounds of a histogram's buckets, without +Inf. */
  readonly buckets?: readonly number[]
}

interface Rest<L extends readonly string[], R extends readonly RoleName[]> {
  readonly roles: R
  readonly labels?: L
  readonly unit?: Unit
}

export function counter<
  const N extends `meshtap_${string}_total`,
  const R extends readonly RoleName[],
  const L extends readonly string[] = [],
>(name: N, help: string, rest: Rest<L, R>) {
  return family(name, 'counter', help, rest)
}

export function gauge<
  const N extends `meshtap_${string}`,
  const R extends readonly RoleName[],
  const L extends readonly string[] = [],
>(name: N, help: string, rest: Rest<L, R>) {
  return family(name, 'gauge', help, rest)
}

/** Of seconds. */
export function histogram<
  const N extends `meshtap_${string}_seconds`,
  const R extends readonly RoleName[],
  const L extends readonly string[] = [],
>(name: N, help: string, rest: Rest<L, R>) {
  return { ...family(name, 'histogram', help, { unit: 'seconds', ...rest }), buckets: SECONDS_BOUNDS }
}

function family<
  N extends string,
  T extends OwnFamily['type'],
  L extends readonly string[],
  R extends readonly RoleName[],
>(name: N, type: T, help: string, { roles, labels, unit }: Rest<L, R>) {
  return { name, type, help, labels: labels ?? ([] as unknown as L), unit: unit ?? unitOf(name), roles }
}

function unitOf(name: string): Unit {
  const base = name.replace(/_total$/, '')
  if (base.endsWith('_seconds')) return 'seconds'
  return base.endsWith('_bytes') ? 'bytes' : 'count'
}

/** From a write into memory to a store that has just not timed out. */
const SECONDS_BOUNDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]
