import { HISTOGRAM_BUCKETS } from '../rollup/histogram.ts'
import type { ExemplarColumns } from '../rollup/exemplars.ts'
import type { OutcomeKey } from '../rollup/stat-block.ts'
import type { LabelSets } from './label-sets.ts'

/**
 * The series of a scope by their labels: what lines are written from. Row `i` is label set `i`.
 *
 * Of a text format all scopes are held until the last of their families is written, so it is compact: about 150 bytes a label
 * set, a tenth of what its lines are.
 */
export interface MergedScope {
  readonly size: number
  readonly labels: LabelSets
  /** Row `i` has the places `[start[i], start[i + 1])`, and no requests where these are none. */
  readonly outcomes: readonly OutcomeKey[]
  readonly outcomeStart: Uint32Array
  readonly outcomeIndex: Uint32Array
  readonly outcomeCount: Float64Array
  /** What `LatencyCells` reads. */
  readonly latencies: Buffer
  readonly latencyStart: Uint32Array
  readonly latencySumMicros: Float64Array
  readonly firstMs: Float64Array
  readonly exemplars: MergedExemplars | undefined
  readonly connections: MergedConnections | undefined
}

/** The traces of slow requests: of row `i` the one at place `at[i]` of the columns, none where that is -1. */
export interface MergedExemplars extends ExemplarColumns {
  readonly at: Int32Array
}

export interface MergedConnections {
  /** 1 where any were reported. */
  readonly isReported: Uint8Array
  readonly opened: Float64Array
  readonly closed: Float64Array
  readonly readBytes: Float64Array
  readonly writtenBytes: Float64Array
  /** NaN where it is not known. */
  readonly open: Float64Array
}

/**
 * A row's latencies by the cells of the format, ascending. They are kept as varints, two a cell: the step from the cell
 * before it, and the count.
 */
export class LatencyCells {
  readonly index = new Uint16Array(HISTOGRAM_BUCKETS)
  readonly count = new Float64Array(HISTOGRAM_BUCKETS)
  size = 0

  read({ latencies, latencyStart }: Pick<MergedScope, 'latencies' | 'latencyStart'>, row: number): void {
    const end = latencyStart[row + 1]!
    let at = latencyStart[row]!
    let cell = 0
    let size = 0
    while (at < end) {
      let byte = latencies[at++]!
      cell += byte & 127
      if (byte > 127) cell += latencies[at++]! << 7
      byte = latencies[at++]!
      let count = byte & 127
      for (let unit = 128; byte > 127; unit *= 128) {
        byte = latencies[at++]!
        count += (byte & 127) * unit
      }
      this.index[size] = cell
      this.count[size++] = count
    }
    this.size = size
  }
}
