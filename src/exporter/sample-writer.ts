import type { BucketCounts } from '../telemetry/own-samples.ts'
import type { Family } from './families.ts'
import type { LabelEncoder } from './label-pieces.ts'
import type { MergedScope } from './merged-scope.ts'

/** Memory of its own. */
export type Chunk = Buffer<ArrayBuffer>

export const NO_LABELS: Buffer = Buffer.alloc(0)

/** Encoded labels: `bytes[start, end)`, and further ones. */
export interface Labels {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  readonly extra: Buffer
}

/**
 * A format of an exposition: writes families one after the other, `begin` each, into chunks.
 *
 * A series' start is the time of its first event, epoch milliseconds, in formats that have it.
 */
export interface SampleWriter extends LabelEncoder {
  readonly contentType: string
  /** The cell of `MergedScope.latencies` that each of the sketch's buckets counts in. */
  readonly cellOf: Uint16Array
  /** Whether the traces of slow requests are written. */
  readonly showsExemplars: boolean
  /** Whether a family may come in several parts, `begin` before each; else all of it comes together. */
  readonly repeatsFamilies: boolean
  /** Bytes written and not taken. */
  readonly length: number
  begin(family: Family): void
  counter(labels: Labels, value: number, startMs: number): void
  gauge(labels: Labels, value: number): void
  /** Row `row`'s latencies. */
  histogram(labels: Labels, scope: MergedScope, row: number): void
  /** A histogram of classic buckets alone. */
  buckets(labels: Labels, counts: BucketCounts): void
  /** Ends the exposition. */
  finish(): void
  take(): Chunk
  /** Gives a chunk back that nobody looks at any longer: its memory is used again. */
  reuse(chunk: Chunk): void
}
