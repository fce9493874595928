import { typicalMicros } from '../rollup/histogram.ts'
import { CELL_BITS, CELL_COUNT, type StatColumns } from './stat-columns.ts'

const QUANTILES = [0.5, 0.95, 0.99] as const

/** Dense latency counts of the rows `[first, end)`: of each the buckets `[lowest, lowest + width)`. */
export interface LatencyCounts {
  readonly counts: Float64Array
  readonly first: number
  readonly end: number
  readonly lowest: number
  readonly width: number
}

/**
 * Adds a block's latencies up by row, `sign` 1, or takes them away again, `sign` -1: exactly, as counts are whole
 * numbers.
 *
 * Four cells a turn, in 32-bit integers: a third faster than one by one (bench: stat).
 */
export function addLatencies(
  { counts, first, end, lowest, width }: LatencyCounts,
  { series, cellStart, cells }: StatColumns,
  slotOf: Int32Array,
  sign: 1 | -1 = 1,
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
      counts[(base + (a >>> CELL_BITS)) | 0]! += sign * (a & CELL_COUNT)
      counts[(base + (b >>> CELL_BITS)) | 0]! += sign * (b & CELL_COUNT)
      counts[(base + (c >>> CELL_BITS)) | 0]! += sign * (c & CELL_COUNT)
      counts[(base + (d >>> CELL_BITS)) | 0]! += sign * (d & CELL_COUNT)
    }
    for (; i < last; i++) {
      const cell = cells[i]! | 0
      counts[(base + (cell >>> CELL_BITS)) | 0]! += sign * (cell & CELL_COUNT)
    }
  }
}

/**
 * Writes p50, p95 and p99 of a row into `into[3 × slot …]`, microseconds; zeros where it has no requests. By nearest
 * rank, as `quantileMicros` does it, all in one pass. Every request has a latency.
 */
export function takeQuantiles(
  into: Float64Array,
  slot: number,
  requests: number,
  { counts, first, lowest, width }: LatencyCounts,
): void {
  const at = (slot - first) * width
  const to = 3 * slot
  if (requests === 0) {
    into.fill(0, to, to + QUANTILES.length)
    return
  }
  let rank = rankOf(0, requests)
  let seen = 0
  for (let i = 0, next = 0; i < width; i++) {
    seen += counts[at + i]!
    while (seen >= rank) {
      into[to + next++] = typicalMicros(lowest + i)
      if (next === QUANTILES.length) return
      rank = rankOf(next, requests)
    }
  }
}

function rankOf(quantile: number, requests: number): number {
  return Math.max(1, Math.ceil(QUANTILES[quantile]! * requests))
}

/** The buckets that blocks use: none where `highest` is the smaller. */
export function latencyRange(blocks: Iterable<StatColumns>): { lowest: number; highest: number } {
  let lowest = Number.POSITIVE_INFINITY
  let highest = -1
  for (const block of blocks) {
    if (block.lowest < lowest) lowest = block.lowest
    if (block.highest > highest) highest = block.highest
  }
  return { lowest, highest }
}
