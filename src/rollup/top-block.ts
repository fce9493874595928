import type { Direction } from '../event/event.ts'
import type { Workload } from './series.ts'

/** One kind of call: a row of `top`. */
export interface TopKey {
  readonly source: Workload
  readonly method: string
  /** Without its query string. */
  readonly path: string
}

export interface TopEntry extends TopKey {
  /** At least the true count, and at most `error` more. */
  readonly count: number
  readonly error: number
  /** Failures among those counted while the key was held: a lower bound where `error` is not 0. */
  readonly failures: number
  readonly bestMicros: number
  readonly worstMicros: number
  readonly latencySumMicros: number
  readonly lastMicros: number
  /** Event time of `lastMicros`, epoch milliseconds. */
  readonly lastMs: number
}

/** The heaviest calls to one destination, from one side's reports. */
export interface TopSketchState {
  readonly direction: Direction
  readonly destination: Workload
  /** A key that is not among the entries was seen at most this often. 0: the entries are all there is, exactly. */
  readonly floor: number
  /** All requests counted, those of forgotten keys included. */
  readonly total: number
  /** By count, descending, then by key. */
  readonly entries: readonly TopEntry[]
}

/** The sketches of one scope in one bucket. */
export interface TopBlock {
  readonly sketches: readonly TopSketchState[]
}
