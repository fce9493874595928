import { OVERFLOW } from '../rollup/series.ts'
import type { ReasonRow, ReasonsAnswer, StatusCount } from './answer.ts'
import { emptyReason } from './empty-reason.ts'
import type { GroupKind } from './facet.ts'
import { type OutcomeCount, tallyOutcomes } from './outcome-tally.ts'
import { reasonOrder } from './reason-order.ts'
import type { ReasonsRequest } from './requests.ts'
import { questionScopes, resourceQuestion } from './resource-question.ts'
import { blocksInWindow, type RollupReader, type StatReads } from './rollup-reader.ts'
import { requestRows } from './series-rows.ts'
import { kindsOf, statBase } from './stat.ts'
import { addSums, emptyTally } from './tally.ts'

/** Reasons of one resource that are told apart; the rest count as `OVERFLOW`. */
export const MAX_REASONS = 100
const MAX_STATUSES = 10

type Resource = Pick<ReasonRow, 'cluster' | 'namespace' | 'kind' | 'name'>
type Reasons = readonly (readonly [reason: string, counted: readonly OutcomeCount[]])[]
type Counts = Pick<ReasonRow, 'requests' | 'failures'>

/** What `stat` counts of each resource, by the reason that requests ended for. */
export async function reasons(reader: RollupReader, request: ReasonsRequest): Promise<ReasonsAnswer> {
  const { target, peer } = request
  const read = await reader.readStat({ span: request.window, scopes: questionScopes(target, peer) })
  const rows = kindsOf(target, read).flatMap((kind) => rowsOf(read, kind, request))
  return {
    ...statBase(read, request),
    by: 'reason',
    rows: rows.sort(reasonOrder),
    ...(rows.length > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

function rowsOf(read: StatReads, kind: GroupKind, { target, peer }: ReasonsRequest): ReasonRow[] {
  const { rows, requests: slotOf } = requestRows(read, resourceQuestion(kind, target, peer))
  const { labels } = rows
  const blocks = blocksInWindow(read)
  const sums = emptyTally(labels.length)
  for (const block of blocks) addSums(sums, block, slotOf)
  const outcomes = tallyOutcomes(blocks, slotOf, labels.length)
  return labels.flatMap(({ cluster, namespace, kind, name }, slot) => {
    const all = { requests: sums.requests[slot]!, failures: sums.failures[slot]! }
    if (all.requests === 0) return []
    return reasonRows({ cluster, namespace, kind, name }, all, outcomes[slot]!, read.window.seconds)
  })
}

/** The rows of one resource, whose counts add up to all of its own. */
function reasonRows(
  resource: Resource,
  all: Counts,
  outcomes: readonly OutcomeCount[],
  seconds: number,
): ReasonRow[] {
  // Successes without a reason are what the others leave of all.
  const plain = outcomes.reduce((rest, { requests }) => rest - requests, all.requests)
  const byReason = new Map<string, OutcomeCount[]>(plain > 0 ? [['', []]] : [])
  for (const counted of outcomes) {
    const { reason } = counted.outcome
    const known = byReason.get(reason)
    if (known === undefined) byReason.set(reason, [counted])
    else known.push(counted)
  }
  return bounded(byReason).map(([reason, counted]): ReasonRow => {
    const told = sumOf(counted)
    const requests = told.requests + (reason === '' ? plain : 0)
    return {
      ...resource,
      reason,
      requests,
      failures: told.failures,
      rps: requests / seconds,
      share: requests / all.requests,
      statuses: statusesOf(counted),
    }
  })
}

/** The reasons that fail or come most, and the rest together. How many gave none is always told. */
function bounded(byReason: ReadonlyMap<string, readonly OutcomeCount[]>): Reasons {
  if (byReason.size <= MAX_REASONS) return [...byReason]
  const isNamed = (reason: string): boolean => reason !== '' && reason !== OVERFLOW
  const ranked = [...byReason]
    .filter(([reason]) => isNamed(reason))
    .map(([reason, counted]) => ({ reason, counted, ...sumOf(counted) }))
    .sort((a, b) => b.failures - a.failures || b.requests - a.requests || (a.reason < b.reason ? -1 : 1))
  const none = byReason.get('')
  const others = ranked.slice(MAX_REASONS).flatMap(({ counted }) => counted)
  others.push(...(byReason.get(OVERFLOW) ?? []))
  return [
    ...(none === undefined ? [] : [['', none] as const]),
    ...ranked.slice(0, MAX_REASONS).map(({ reason, counted }) => [reason, counted] as const),
    ...(others.length === 0 ? [] : [[OVERFLOW, others] as const]),
  ]
}

function sumOf(counted: readonly OutcomeCount[]): Counts {
  let requests = 0
  let failures = 0
  for (const { outcome, requests: count } of counted) {
    requests += count
    if (outcome.classification === 'failure') failures += count
  }
  return { requests, failures }
}

function statusesOf(counted: readonly OutcomeCount[]): StatusCount[] {
  const byStatus = new Map<string, OutcomeCount[]>()
  for (const one of counted) {
    const key = `${one.outcome.status}/${one.outcome.grpcStatus}`
    const known = byStatus.get(key)
    if (known === undefined) byStatus.set(key, [one])
    else known.push(one)
  }
  return [...byStatus.values()]
    .map((same): StatusCount => {
      const { status, grpcStatus } = same[0]!.outcome
      return { status: knownOrNull(status), grpcStatus: knownOrNull(grpcStatus), ...sumOf(same) }
    })
    .sort(
      (a, b) =>
        b.requests - a.requests ||
        (a.status ?? -1) - (b.status ?? -1) ||
        (a.grpcStatus ?? -1) - (b.grpcStatus ?? -1),
    )
    .slice(0, MAX_STATUSES)
}

function knownOrNull(code: number): number | null {
  return code < 0 ? null : code
}
