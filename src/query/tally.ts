import type { LatencyAnswer } from './answer.ts'
import { addLatencies, latencyRange, takeQuantiles } from './latency-counts.ts'
import type { StatColumns } from './stat-columns.ts'

/** Latency counts held at once, 64 MiB; with more rows than fit, the blocks are passed over several times. */
const MAX_CELLS = 8 * 1024 * 1024
/** Counts that stay in a core's cache, 512 KiB, if they can be had in not too many passes. */
const CACHED_CELLS = 64 * 1024
const MAX_PASSES = 8

/** What the rows of an answer count of requests, by row. */
export interface Tally {
  readonly requests: Float64Array
  readonly failures: Float64Array
  /** Requests whose proxy says whether they went over TLS, and those that did. */
  readonly tlsKnown: Float64Array
  readonly tls: Float64Array
  /** p50, p95, p99 of each row in microseconds, three places a row; 0 where there were no requests. */
  readonly quantiles: Float64Array
}

export function emptyTally(slots: number): Tally {
  return {
    requests: new Float64Array(slots),
    failures: new Float64Array(slots),
    tlsKnown: new Float64Array(slots),
    tls: new Float64Array(slots),
    quantiles: new Float64Array(3 * slots),
  }
}

/**
 * Adds blocks' requests up by row, all of them: what `RunningTally` keeps where an answer is asked for again.
 *
 * Blocks must be of one table; `slotOf` gives the row of each of its series, -1 for none. Latencies are added into
 * dense counts of only those buckets that the blocks use (bench: stat).
 */
export function tally(
  blocks: readonly StatColumns[],
  slotOf: Int32Array,
  slots: number,
  maxCells: number = MAX_CELLS,
): Tally {
  const sums = emptyTally(slots)
  const ranges = blocks.map((block) => addSums(sums, block, slotOf))
  tallyLatencies(sums, ranges, slotOf, maxCells)
  return sums
}

/** The figures of a row that all answers give alike; null where there were no requests to tell them from. */
export interface RequestFigures {
  readonly success: number | null
  readonly rps: number | null
  readonly requests: number
  readonly failures: number
  readonly latencyMs: LatencyAnswer | null
}

export function requestFigures(tally: Tally, slot: number, seconds: number): RequestFigures {
  const requests = tally.requests[slot]!
  const failures = tally.failures[slot]!
  if (requests === 0) return { success: null, rps: null, requests, failures, latencyMs: null }
  const { quantiles } = tally
  return {
    success: (requests - failures) / requests,
    rps: requests / seconds,
    requests,
    failures,
    latencyMs: {
      p50: quantiles[3 * slot]! / 1000,
      p95: quantiles[3 * slot + 1]! / 1000,
      p99: quantiles[3 * slot + 2]! / 1000,
    },
  }
}

/** A block, and its least and greatest row: blocks of one scope have rows near each other. */
interface Range {
  readonly block: StatColumns
  readonly least: number
  readonly greatest: number
}

/** Adds all but latencies up by row; with `sign` -1 takes them away again, exactly. */
export function addSums(sums: Tally, block: StatColumns, slotOf: Int32Array, sign: 1 | -1 = 1): Range {
  const { series, requests, failures, table } = block
  let least = Number.MAX_SAFE_INTEGER
  let greatest = -1
  for (let row = 0; row < series.length; row++) {
    const id = series[row]!
    const slot = slotOf[id]!
    if (slot < 0) continue
    if (slot < least) least = slot
    if (slot > greatest) greatest = slot
    const count = sign * requests[row]!
    sums.requests[slot]! += count
    sums.failures[slot]! += sign * failures[row]!
    const tls = table.tls(id)
    if (tls < 0) continue
    sums.tlsKnown[slot]! += count
    if (tls > 0) sums.tls[slot]! += count
  }
  return { block, least, greatest }
}

function tallyLatencies(
  { requests, quantiles }: Tally,
  ranges: readonly Range[],
  slotOf: Int32Array,
  maxCells: number,
): void {
  const slots = requests.length
  const { lowest, highest } = latencyRange(ranges.map(({ block }) => block))
  if (highest < lowest || slots === 0) return
  const width = highest - lowest + 1
  const atOnce = rowsAtOnce(slots, width, maxCells)
  const counts = new Float64Array(atOnce * width)
  for (let first = 0; first < slots; first += atOnce) {
    const end = Math.min(slots, first + atOnce)
    if (first > 0) counts.fill(0)
    const dense = { counts, first, end, lowest, width }
    for (const { block, least, greatest } of ranges) {
      if (least < end && greatest >= first) addLatencies(dense, block, slotOf)
    }
    for (let slot = first; slot < end; slot++) takeQuantiles(quantiles, slot, requests[slot]!, dense)
  }
}

/** As many rows as fit the processor's cache, but not so few that blocks are passed over very often. */
function rowsAtOnce(slots: number, width: number, maxCells: number): number {
  const wanted = Math.max(Math.floor(CACHED_CELLS / width), Math.ceil(slots / MAX_PASSES))
  return Math.min(slots, wanted, Math.max(1, Math.floor(maxCells / width)))
}
