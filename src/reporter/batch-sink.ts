import type { BatchNumber } from '../event/batch-number.ts'
import type { IngestAnswer } from './ingest-client.ts'

/** An encoded `EventBatch` with its number, which is within its bytes too: sent again, it is the same in every byte. */
export interface NumberedBatch extends BatchNumber {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly events: number
}

/** What became of one try to hand a batch over. */
export type SinkAnswer = IngestAnswer

/** Where batches go: an ingest over HTTP, Kafka, or what a program makes of them. */
export interface BatchSink {
  /** For people: in what is said about trouble. */
  readonly name: string
  /**
   * Hands one batch over. Called again with the same one until it is accepted or refused, never for two at once. What it
   * rejects with counts as `unavailable`. `signal` aborts when the reporter has no time left.
   */
  send(batch: NumberedBatch, signal: AbortSignal): Promise<SinkAnswer>
  /** Called once, when the reporter closes. */
  close?(): Promise<void>
}
