import type { TopRow } from '../../query/answer.ts'
import { topColumns } from '../top/top-columns.ts'
import { topLines, withoutSources } from '../top/top-line.ts'
import { renderTables } from './table.ts'

export interface TopView {
  readonly by: 'path' | 'route'
  readonly hideSources: boolean
  readonly namespace: string | undefined
}

export function topTable(rows: readonly TopRow[], view: TopView): string {
  return renderTables([{ columns: topColumns(view), rows: topLines(rows, view) }])
}

export function topJson(rows: readonly TopRow[], { by, hideSources }: TopView): object[] {
  return (hideSources ? withoutSources(rows) : rows).map(({ source, destination, ...row }) => ({
    ...(hideSources
      ? {}
      : {
          source: source.name,
          source_kind: source.kind,
          source_namespace: source.namespace,
          source_cluster: source.cluster,
        }),
    destination: destination.name,
    destination_kind: destination.kind,
    destination_namespace: destination.namespace,
    destination_cluster: destination.cluster,
    method: row.method,
    [by]: row.path,
    count: row.count,
    error: row.error,
    rps: row.rps,
    success: row.success,
    ...(by === 'path'
      ? { best_ms: row.bestMs, worst_ms: row.worstMs, last_ms: row.lastMs }
      : {
          latency_ms_p50: row.latencyMs?.p50 ?? null,
          latency_ms_p95: row.latencyMs?.p95 ?? null,
          latency_ms_p99: row.latencyMs?.p99 ?? null,
        }),
  }))
}
