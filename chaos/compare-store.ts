import type { RollupStore, TierName } from '../src/store/rollup-store.ts'
import { type Cells, differencesOf, emptyCell, requestsOf } from './cell.ts'
import type { Verdict } from './verdict.ts'
import { readStore } from './read-store.ts'
import { PARTITIONS } from './system.ts'
import { isKept, TIERS, type Truth, type TruthTier } from './truth.ts'

/** A bucket that expires while it is compared is left out. */
const EXPIRY_MARGIN_MS = 15_000

/** Of what differs in one series, the first are shown. */
const MOST_OF_A_SERIES = 3

/** Compares every series of the totals and of every bucket that is still kept, in all that they count. */
export async function compareStore(store: RollupStore, truth: Truth, verdict: Verdict): Promise<void> {
  const nowMs = Date.now() + EXPIRY_MARGIN_MS
  const expected = new Map(TIERS.map((tier) => [tier.name, truth.buckets(tier, nowMs)]))
  const starts = Object.fromEntries(
    TIERS.map((tier) => [tier.name, withNeighbours(tier, [...expected.get(tier.name)!.keys()], nowMs)]),
  ) as Record<TierName, number[]>
  const counts = await readStore(store, starts)

  compareCells(counts.totals, truth.totals(), 'totals', verdict, { lastMs: false, isTotal: true })
  for (const { name } of TIERS) {
    const wanted = expected.get(name)!
    const found = counts.buckets[name]
    for (const startMs of new Set([...starts[name], ...wanted.keys()])) {
      const where = `${name} bucket of ${new Date(startMs).toISOString()}`
      compareCells(found.get(startMs) ?? new Map(), wanted.get(startMs) ?? new Map(), where, verdict, {
        lastMs: true,
        isTotal: false,
      })
    }
  }
  const sum = (counter: string) =>
    [...counts.metas.values()].reduce((sum, { counters }) => sum + (counters[counter] ?? 0), 0)
  verdict.duplicatesDropped = sum('duplicates')
  verdict.lateEvents = sum('late')
  verdict.equal('partitions that count', counts.metas.size, PARTITIONS)
  verdict.equal('requests by the partitions own count', sum('requests'), truth.requests)
  verdict.equal('connection events by the partitions own count', sum('connections'), truth.connections)
  verdict.equal('dead letters', sum('deadLetters'), 0)
  verdict.equal('offsets that the log no longer had', sum('missingOffsets'), 0)
  verdict.equal('fields that nothing knows', sum('unknownFields'), 0)
}

/** And the buckets beside those that there must be, which must be empty where they are not gone. */
function withNeighbours(tier: TruthTier, starts: readonly number[], nowMs: number): number[] {
  const { bucketMs } = tier
  const all = new Set(starts.flatMap((start) => [start - bucketMs, start, start + bucketMs]))
  return [...all].filter((start) => isKept(tier, start, nowMs))
}

function compareCells(
  got: Cells,
  truth: Cells,
  where: string,
  verdict: Verdict,
  options: { readonly lastMs: boolean; readonly isTotal: boolean },
): void {
  for (const name of new Set([...got.keys(), ...truth.keys()])) {
    const found = got.get(name) ?? emptyCell()
    const wanted = truth.get(name) ?? emptyCell()
    verdict.compared++
    if (options.isTotal) {
      const surplus = requestsOf(found) - requestsOf(wanted)
      if (surplus > 0) verdict.doubled += surplus
      else verdict.lost -= surplus
    }
    const differences = differencesOf(found, wanted, options)
    if (differences.length === 0) continue
    const more =
      differences.length > MOST_OF_A_SERIES ? ` and ${differences.length - MOST_OF_A_SERIES} more` : ''
    verdict.differ(`${where}, ${name}: ${differences.slice(0, MOST_OF_A_SERIES).join('; ')}${more}`)
  }
}
