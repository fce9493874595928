import { type GroupKind, REPORTING_POD, reporterFacet, type ResourceLabel } from './facet.ts'
import { recentSince } from './plan.ts'
import type { StatReads } from './rollup-reader.ts'
import { memo, type Rows } from './select.ts'

const WITHOUT_PODS: ReadonlySet<GroupKind> = new Set(['service', 'authority', 'route'])

/** Whether resources of a kind have pods, whose proxies report. */
export function hasPods(kind: GroupKind): boolean {
  return !WITHOUT_PODS.has(kind)
}

/** Distinct pods that reported anything in the last minute, by row. */
export function reportingPods(
  { window, table, reads }: StatReads,
  kind: GroupKind,
  rows: Rows<ResourceLabel>,
): Float64Array {
  const meshed = new Float64Array(rows.labels.length)
  const since = recentSince(window)
  const pods = table.column(REPORTING_POD)
  const reporters = table.column(reporterFacet(kind))
  const slotOfReporter = memo(reporters.labels, (label) => rows.find(label.id))
  const isCounted = new Uint8Array(pods.labels.length)
  // Blocks share their series, and mostly one of them tells of all their pods.
  const settled = new Set<Int32Array>()
  for (const { columns, recent } of reads) {
    if (!recent || settled.has(columns.series)) continue
    const { series, lastMs } = columns
    let isSettled = true
    for (let row = 0; row < series.length; row++) {
      const pod = pods.ids[series[row]!]!
      if (pod < 0 || isCounted[pod] === 1) continue
      if (lastMs[row]! < since) {
        isSettled = false
        continue
      }
      isCounted[pod] = 1
      const slot = slotOfReporter(reporters.ids[series[row]!]!)
      if (slot >= 0) meshed[slot]!++
    }
    if (isSettled) settled.add(series)
  }
  return meshed
}
