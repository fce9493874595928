import { scopeName } from '../rollup/series.ts'
import { type Facet, isOverflow, type Label } from './facet.ts'
import type { StatReads } from './rollup-reader.ts'
import type { SourceFault } from './sources.ts'

const OVERFLOWED_SCOPE: Facet<Label> = {
  name: 'overflowed-scope',
  label: ({ workload }) => (isOverflow(workload) ? { id: scopeName(workload) } : undefined),
}

/**
 * What rows finer than a namespace lack because a rollup's limit of series was reached: said in the answer, so that
 * its numbers are not taken for all there is.
 */
export function overflowFaults({ table, reads }: StatReads): SourceFault[] {
  const { ids, labels } = table.column(OVERFLOWED_SCOPE)
  if (labels.length === 0) return []
  const requests = new Float64Array(labels.length)
  for (const { columns, inWindow } of reads) {
    if (!inWindow) continue
    for (let row = 0; row < columns.series.length; row++) {
      const scope = ids[columns.series[row]!]!
      if (scope >= 0) requests[scope]! += columns.requests[row]!
    }
  }
  return labels.flatMap(({ id }, scope) => {
    if (requests[scope] === 0) return []
    const reason =
      `${requests[scope]} reports of requests are beyond the limit of series: they count for the namespace and the ` +
      'cluster, but in no finer row; raise the limit or report fewer distinct routes'
    return [{ source: id, reason }]
  })
}
