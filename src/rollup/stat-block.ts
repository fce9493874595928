import type { Classification } from '../event/classification.ts'
import type { ExemplarColumns } from './exemplars.ts'
import type { SeriesKey } from './series.ts'
import type { IdentityColumns } from './tls-identities.ts'

/** How requests of a series ended. */
export interface OutcomeKey {
  /** -1 where no response came. */
  readonly status: number
  /** -1 where there is none. */
  readonly grpcStatus: number
  readonly classification: Classification
  /** The proxy's words for a failure, `''` where it has none. */
  readonly reason: string
}

/**
 * The series of one scope in one bucket (or in the totals), as columns: what is stored, read and merged.
 *
 * Row `i` of every column is series `keys[i]`. Outcomes and latencies are sparse: row `i` owns the places
 * `[start[i], start[i + 1])` of the arrays after it. Immutable once made.
 */
export interface StatBlock {
  readonly keys: readonly SeriesKey[]

  /** Distinct outcomes of the block, which `outcomeIndex` points into. */
  readonly outcomes: readonly OutcomeKey[]
  readonly outcomeStart: Uint32Array
  readonly outcomeIndex: Uint32Array
  readonly outcomeCount: Float64Array

  /** Latency histogram: bucket index (see `histogram.ts`), ascending within a row, and its count. */
  readonly latencyStart: Uint32Array
  readonly latencyIndex: Uint16Array
  readonly latencyCount: Float64Array
  readonly latencySumMicros: Float64Array
  /** The traces of slow requests, of the rows that have one. */
  readonly exemplars: ExemplarColumns
  /** Who showed which certificate, of the rows where one did. */
  readonly identities: IdentityColumns

  readonly requestBytes: Float64Array
  readonly responseBytes: Float64Array

  /** Event time of the series' first and last event here, epoch milliseconds. */
  readonly firstMs: Float64Array
  readonly lastMs: Float64Array

  /** Connections: opened and closed are sums; `open` is what the proxy last said, at `openAtMs` (0: it never did). */
  readonly opened: Float64Array
  readonly closed: Float64Array
  readonly open: Float64Array
  readonly openAtMs: Float64Array
  readonly readBytes: Float64Array
  readonly writtenBytes: Float64Array
}
