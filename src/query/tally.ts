import { HISTOGRAM_BUCKETS, typicalMicros } from '../rollup/histogram.ts'
import type { LatencyAnswer } from './answer.ts'
import type { StatColumns } from './stat-columns.ts'

/** Latency counts held at once, 64 MiB; with more rows than fit, the blocks are passed over several times. */
const MAX_CELLS = 8 * 1024 * 1024

const QUANTILES = [0.5, 0.95, 0.99] as const

/** What the rows of an answer count, by row. */
export interface Tally {
  readonly requests: Float64Array
  readonly failures: Float64Array
  /** Requests whose proxy says whether they went over TLS, and those that did. */
  readonly tlsKnown: Float64Array
  readonly tls: Float64Array
  /** 1 where there was any connection event. */
  readonly connected: Uint8Array
  readonly readBytes: Float64Array
  readonly writtenBytes: Float64Array
  /** p50, p95, p99 of each row in microseconds, three places a row; 0 where there were no requests. */
  readonly quantiles: Float64Array
}

/**
 * Adds blocks up by row: the hot path of every query.
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
    connected: new Uint8Array(slots),
    readBytes: new Float64Array(slots),
    writtenBytes: new Float64Array(slots),
    quantiles: new Float64Array(3 * slots),
  }
  for (const block of blocks) addSums(sums, block, slotOf)
  tallyLatencies(sums.quantiles, blocks, slotOf, { slots, maxCells })
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

function addSums(sums: Tally, block: StatColumns, slotOf: Int32Array): void {
  const { series, requests, failures, connected, readBytes, writtenBytes, table } = block
  for (let row = 0; row < series.length; row++) {
    const id = series[row]!
    const slot = slotOf[id]!
    if (slot < 0) continue
    sums.requests[slot]! += requests[row]!
    sums.failures[slot]! += failures[row]!
    const tls = table.tls(id)
    if (tls >= 0) {
      sums.tlsKnown[slot]! += requests[row]!
      if (tls > 0) sums.tls[slot]! += requests[row]!
    }
    if (connected[row] === 0) continue
    sums.connected[slot] = 1
    sums.readBytes[slot]! += readBytes[row]!
    sums.writtenBytes[slot]! += writtenBytes[row]!
  }
}

function tallyLatencies(
  quantiles: Float64Array,
  blocks: readonly StatColumns[],
  slotOf: Int32Array,
  { slots, maxCells }: { readonly slots: number; readonly maxCells: number },
): void {
  let lowest = HISTOGRAM_BUCKETS
  let highest = -1
  for (const block of blocks) {
    if (block.lowest < lowest) lowest = block.lowest
    if (block.highest > highest) highest = block.highest
  }
  if (highest < lowest) return
  const width = highest - lowest + 1
  const atOnce = Math.min(slots, Math.max(1, Math.floor(maxCells / width)))
  const counts = new Float64Array(atOnce * width)
  for (let first = 0; first < slots; first += atOnce) {
    const end = Math.min(slots, first + atOnce)
    if (first > 0) counts.fill(0)
    for (const block of blocks) addLatencies(counts, block, slotOf, { first, end, lowest, width })
    for (let slot = first; slot < end; slot++) {
      takeQuantiles(
        quantiles,
        3 * slot,
        counts.subarray((slot - first) * width, (slot - first + 1) * width),
        lowest,
      )
    }
  }
}

function addLatencies(
  counts: Float64Array,
  { series, latencyStart, latencyIndex, latencyCount }: StatColumns,
  slotOf: Int32Array,
  { first, end, lowest, width }: { first: number; end: number; lowest: number; width: number },
): void {
  for (let row = 0; row < series.length; row++) {
    const slot = slotOf[series[row]!]!
    if (slot < first || slot >= end) continue
    const base = (slot - first) * width - lowest
    for (let i = latencyStart[row]!, last = latencyStart[row + 1]!; i < last; i++) {
      counts[base + latencyIndex[i]!]! += latencyCount[i]!
    }
  }
}

/** By nearest rank, as `quantileMicros` does it, all in one pass. */
function takeQuantiles(into: Float64Array, at: number, counts: Float64Array, lowest: number): void {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i]!
  if (total === 0) return
  let seen = 0
  let next = 0
  for (let i = 0; i < counts.length && next < QUANTILES.length; i++) {
    seen += counts[i]!
    while (next < QUANTILES.length && seen >= Math.max(1, Math.ceil(QUANTILES[next]! * total))) {
      into[at + next++] = typicalMicros(lowest + i)
    }
  }
}
