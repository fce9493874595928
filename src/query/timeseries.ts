import { RequestError } from '../event/request-error.ts'
import type { TimeseriesAnswer, TimeseriesPoint } from './answer.ts'
import { emptyReason } from './empty-reason.ts'
import type { GroupKind, ResourceLabel } from './facet.ts'
import { overflowFaults } from './overflow.ts'
import type { TimeseriesRequest } from './requests.ts'
import { questionScopes, resourceQuestion } from './resource-question.ts'
import { answerBase, type RollupReader, type StatReads } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import { requestRows } from './series-rows.ts'
import type { StatColumns } from './stat-columns.ts'
import { requestFigures, tally } from './tally.ts'
import { rfc3339 } from './window.ts'

/** Most points of an answer, all its series together. */
const MAX_POINTS = 100_000

type Series = TimeseriesAnswer['series'][number]

const byKindAndName = byTexts<ResourceLabel>(
  (row) => row.kind,
  (row) => row.cluster,
  (row) => row.namespace,
  (row) => row.name,
)

/**
 * `stat` in steps of time, for charts. Steps begin at multiples of their length. The last one holds the time that has
 * passed of it so far, the first one perhaps only what is still kept, and their rates are by that; but by no less than
 * a second: one request in a step of a millisecond is no thousand a second.
 */
export async function timeseries(
  reader: RollupReader,
  request: TimeseriesRequest,
): Promise<TimeseriesAnswer> {
  const { target, peer, stepMs } = request
  const read = await reader.readStat({
    span: request.window,
    alignMs: stepMs,
    scopes: questionScopes(target, peer),
  })
  const { window } = read
  const kind: GroupKind = target.kind === 'all' ? 'workload' : target.kind
  const { rows, requests: slotOf } = requestRows(read, resourceQuestion(kind, target, peer))
  const { labels } = rows
  const steps = stepsOf(read, stepMs)
  if (labels.length * steps.length > MAX_POINTS) {
    throw new RequestError(
      'step',
      `${labels.length} series of ${steps.length} points are more than ${MAX_POINTS} points; ` +
        'name a resource, shorten the window or lengthen the step',
    )
  }
  const points = labels.map((): TimeseriesPoint[] => [])
  for (const { startMs, blocks } of steps) {
    const sums = tally(blocks, slotOf, points.length)
    const coveredMs = Math.min(window.toMs, startMs + stepMs) - Math.max(window.fromMs, startMs)
    const seconds = Math.max(1, coveredMs / 1000)
    points.forEach((list, slot) => {
      const { success, rps, requests, latencyMs } = requestFigures(sums, slot, seconds)
      list.push({ time: rfc3339(startMs), requests, success, rps: rps ?? 0, latencyMs })
    })
  }
  const series = labels
    .map((label, slot) => ({ label, points: points[slot]! }))
    .filter(({ points }) => points.some(({ requests }) => requests > 0))
    .sort((a, b) => byKindAndName(a.label, b.label))
    .map(({ label: { cluster, namespace, kind, name }, points }): Series => {
      return { cluster, namespace, kind, name, points }
    })
  const base = answerBase(read)
  const isWhole = peer === undefined && (target.kind === 'namespace' || target.kind === 'cluster')
  return {
    ...base,
    partial: isWhole ? base.partial : [...base.partial, ...overflowFaults(read)],
    stepSeconds: stepMs / 1000,
    series,
    ...(series.length > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

/** The steps of the window, and each one's blocks. */
function stepsOf(
  { window, reads }: StatReads,
  stepMs: number,
): { readonly startMs: number; readonly blocks: StatColumns[] }[] {
  const steps: { readonly startMs: number; readonly blocks: StatColumns[] }[] = []
  const firstMs = Math.floor(window.fromMs / stepMs) * stepMs
  for (let startMs = firstMs; startMs <= window.toMs; startMs += stepMs) steps.push({ startMs, blocks: [] })
  for (const { columns, startMs, inWindow } of reads) {
    if (inWindow) steps[Math.floor((startMs - firstMs) / stepMs)]!.blocks.push(columns)
  }
  // A step that begins with the window's end is there only if something happened at that very millisecond.
  if (steps.length > 1 && steps.at(-1)!.startMs === window.toMs && steps.at(-1)!.blocks.length === 0)
    steps.pop()
  return steps
}
