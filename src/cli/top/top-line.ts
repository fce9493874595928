import type { LatencyAnswer, TopRow, WorkloadAnswer } from '../../query/answer.ts'
import { resourceName, isSeveral } from '../printers/resource-name.ts'
import { printable } from '../printers/printable.ts'

/** A row of `top` as it is shown. */
export interface TopLine {
  /** Empty where sources are hidden. */
  readonly source: string
  readonly destination: string
  readonly method: string
  /** The path, or the route. */
  readonly path: string
  readonly count: number
  readonly error: number
  readonly rps: number
  readonly success: number
  readonly bestMs: number | null
  readonly worstMs: number | null
  readonly lastMs: number | null
  readonly latencyMs: LatencyAnswer | null
}

export interface TopLineOptions {
  readonly hideSources: boolean
  /** Workloads of this namespace are shown without it. */
  readonly namespace: string | undefined
}

/** Rows in their order, those of different sources as one where sources are hidden. */
export function topLines(rows: readonly TopRow[], { hideSources, namespace }: TopLineOptions): TopLine[] {
  const shown = hideSources ? withoutSources(rows) : rows
  const workloads = shown.flatMap(({ source, destination }) =>
    hideSources ? [destination] : [source, destination],
  )
  const withKind = isSeveral(workloads, ({ kind }) => kind)
  const withCluster = isSeveral(workloads, ({ cluster }) => cluster)
  const name = (workload: WorkloadAnswer): string =>
    [
      ...(withCluster ? [printable(workload.cluster)] : []),
      ...(workload.namespace === '' || workload.namespace === namespace
        ? []
        : [printable(workload.namespace)]),
      resourceName(workload, withKind),
    ].join('/')
  return shown.map((row) => ({
    ...row,
    source: hideSources ? '' : name(row.source),
    destination: name(row.destination),
    method: printable(row.method),
    path: printable(row.path),
  }))
}

/** Sums over sources. What cannot be known of the sum is null: which source's request was last, and quantiles. */
export function withoutSources(rows: readonly TopRow[]): TopRow[] {
  const byCall = new Map<string, TopRow>()
  for (const row of rows) {
    const key = JSON.stringify([row.destination, row.method, row.path])
    const other = byCall.get(key)
    byCall.set(key, other === undefined ? row : merged(other, row))
  }
  return [...byCall.values()].sort((a, b) => b.count - a.count)
}

function merged(a: TopRow, b: TopRow): TopRow {
  const count = a.count + b.count
  return {
    ...a,
    count,
    error: a.error + b.error,
    rps: a.rps + b.rps,
    success: (a.success * a.count + b.success * b.count) / count,
    bestMs: extreme(Math.min, a.bestMs, b.bestMs),
    worstMs: extreme(Math.max, a.worstMs, b.worstMs),
    lastMs: null,
    latencyMs: null,
  }
}

function extreme(of: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : of(a, b)
}
