import { HISTOGRAM_BUCKETS, typicalMicros } from '../rollup/histogram.ts'
import type { LatencyAnswer } from './answer.ts'
import { CELL_BITS, CELL_COUNT, type StatColumns } from './stat-columns.ts'

/** Latency counts held at once, 64 MiB; with more rows than fit, the blocks are passed over several times. */
const MAX_CELLS = 8 * 1024 * 1024
/** Counts that stay in a core's cache, 512 KiB, if they can be had in not too many passes. */
const CACHED_CELLS = 64 * 1024
const MAX_PASSES = 8

const QUANTILES = [0.5, 0.95, 0.99] as const

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

/**
 * Adds blocks' requests up by row: the hot path of every query.
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
  const sums: Tally = {
    requests: new Float64Array(slots),
    failures: new Float64Array(slots),
    tlsKnown: new Float64Array(slots),
    tls: new Float64Array(slots),
    quantiles: new Float64Array(3 * slots),
  }
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
  const [p50, p95, p99] = [0, 1, 2].map((i) => tally.quantiles[3 * slot + i]! / 1000) as [
    number,
    number,
    number,
  ]
  return {
    success: (requests - failures) / requests,
    rps: requests / seconds,
    requests,
    failures,
    latencyMs: { p50, p95, p99 },
  }
}

/** A block, and its least and greatest row: blocks of one scope have rows near each other. */
interface Range {
  readonly block: StatColumns
  readonly least: number
  readonly greatest: number
}

function addSums(sums: Tally, block: StatColumns, slotOf: Int32Array): Range {
  const { series, requests, failures, table } = block
  let least = Number.MAX_SAFE_INTEGER
  let greatest = -1
  for (let row = 0; row < series.length; row++) {
    const id = series[row]!
    const slot = slotOf[id]!
    if (slot < 0) continue
    if (slot < least) least = slot
    if (slot > greatest) greatest = slot
    sums.requests[slot]! += requests[row]!
    sums.failures[slot]! += failures[row]!
    const tls = table.tls(id)
    if (tls < 0) continue
    sums.tlsKnown[slot]! += requests[row]!
    if (tls > 0) sums.tls[slot]! += requests[row]!
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
  let lowest = HISTOGRAM_BUCKETS
  let highest = -1
  for (const { block } of ranges) {
    if (block.lowest < lowest) lowest = block.lowest
    if (block.highest > highest) highest = block.highest
  }
  if (highest < lowest || slots === 0) return
  const width = highest - lowest + 1
  const atOnce = rowsAtOnce(slots, width, maxCells)
  const counts = new Float64Array(atOnce * width)
  for (let first = 0; first < slots; first += atOnce) {
    const end = Math.min(slots, first + atOnce)
    if (first > 0) counts.fill(0)
    for (const { block, least, greatest } of ranges) {
      if (least < end && greatest >= first) addLatencies(counts, block, slotOf, { first, end, lowest, width })
    }
    for (let slot = first; slot < end; slot++) {
      const at = (slot - first) * width
      takeQuantiles(quantiles, 3 * slot, requests[slot]!, { counts, at, width, lowest })
    }
  }
}

/** As many rows as fit the processor's cache, but not so few that blocks are passed over very often. */
function rowsAtOnce(slots: number, width: number, maxCells: number): number {
  const wanted = Math.max(Math.floor(CACHED_CELLS / width), Math.ceil(slots / MAX_PASSES))
  return Math.min(slots, wanted, Math.max(1, Math.floor(maxCells / width)))
}

/** Four cells a turn, in 32-bit integers: a third faster than one by one (bench: stat). */
function addLatencies(
  counts: Float64Array,
  { series, cellStart, cells }: StatColumns,
  slotOf: Int32Array,
  { first, end, lowest, width }: { first: number; end: number; lowest: number; width: number },
): void {
  for (let row = 0; row < series.length; row++) {
    const slot = slotOf[series[row]!]!
    if (slot < first || slot >= end) continue
    const base = ((slot - first) * width - lowest) | 0
    const last = cellStart[row + 1]! | 0
    let i = cellStart[row]! | 0
    for (; i + 3 < last; i += 4) {
      const a = cells[i]! | 0
      const b = cells[i + 1]! | 0
      const c = cells[i + 2]! | 0
      const d = cells[i + 3]! | 0
      counts[(base + (a >>> CELL_BITS)) | 0]! += a & CELL_COUNT
      counts[(base + (b >>> CELL_BITS)) | 0]! += b & CELL_COUNT
      counts[(base + (c >>> CELL_BITS)) | 0]! += c & CELL_COUNT
      counts[(base + (d >>> CELL_BITS)) | 0]! += d & CELL_COUNT
    }
    for (; i < last; i++) {
      const cell = cells[i]! | 0
      counts[(base + (cell >>> CELL_BITS)) | 0]! += cell & CELL_COUNT
    }
  }
}

/** By nearest rank, as `quantileMicros` does it, all in one pass. Every request has a latency. */
function takeQuantiles(
  into: Float64Array,
  slot3: number,
  requests: number,
  { counts, at, width, lowest }: { counts: Float64Array; at: number; width: number; lowest: number },
): void {
  if (requests === 0) return
  let rank = rankOf(0, requests)
  let seen = 0
  for (let i = 0, next = 0; i < width; i++) {
    seen += counts[at + i]!
    while (seen >= rank) {
      into[slot3 + next++] = typicalMicros(lowest + i)
      if (next === QUANTILES.length) return
      rank = rankOf(next, requests)
    }
  }
}

function rankOf(quantile: number, requests: number): number {
  return Math.max(1, Math.ceil(QUANTILES[quantile]! * requests))
}
