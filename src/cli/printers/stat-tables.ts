import type { ResourceKind, StatRow } from '../../query/answer.ts'
import type { Detail } from './golden-columns.ts'
import { isSeveral, resourceName, textOrMissing } from './resource-name.ts'
import { type Column, left, renderTables, type Table } from './table.ts'

export interface StatView {
  readonly detail: Detail
  /** Rows may be of several namespaces. */
  readonly withNamespace: boolean
}

type ResourceRow = Pick<StatRow, 'cluster' | 'namespace' | 'kind' | 'name'>

/** One table a kind, the kinds in alphabetical order; each begins with the columns that say which resource. */
export function tablesByKind<R extends ResourceRow>(
  rows: readonly R[],
  { withNamespace }: StatView,
  columns: readonly Column<R>[],
): string {
  const kinds = [...new Set(rows.map(({ kind }) => kind))].sort()
  const isOfSeveralKinds = kinds.length > 1
  const isOfSeveralClusters = isSeveral(rows, ({ cluster }) => cluster)
  const tables = kinds.map((kind): Table<R> => ({
    columns: [
      ...(isOfSeveralClusters && kind !== 'cluster'
        ? [left<R>('CLUSTER', ({ cluster }) => textOrMissing(cluster))]
        : []),
      ...(withNamespace && isInNamespace(kind)
        ? [left<R>('NAMESPACE', ({ namespace }) => textOrMissing(namespace))]
        : []),
      left<R>('NAME', (row) => resourceName(row, isOfSeveralKinds)),
      ...columns,
    ],
    rows: rows.filter((row) => row.kind === kind),
  }))
  return renderTables(tables)
}

function isInNamespace(kind: ResourceKind): boolean {
  return kind !== 'cluster' && kind !== 'namespace'
}
