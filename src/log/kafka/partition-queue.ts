import type { EncodedRecord, ProducerState } from './record-encoder.ts'

const MAX_SEQUENCE = 2 ** 31 - 1

/** An append whose records wait to be acknowledged. */
export interface PendingAppend {
  readonly topic: string
  /** Of all its records, as they count in the queue. */
  readonly bytes: number
  /** When its time is over; this and all times here are of the monotonic clock. */
  readonly untilMs: number
  /** Records that are not acknowledged. */
  left: number
  isSettled: boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export interface QueuedRecord {
  readonly record: EncodedRecord
  readonly append: PendingAppend
}

export interface ProducerIdentity {
  readonly producerId: bigint
  readonly producerEpoch: number
}

/** Records that were numbered and encoded; sent again it is the same bytes, which the broker recognizes. */
export interface SealedBatch {
  readonly records: readonly QueuedRecord[]
  readonly encoded: Buffer
  readonly identity: ProducerIdentity
  /** Whether it may be in the log although nothing acknowledged it. */
  isUncertain: boolean
}

/**
 * The records for one partition, in order. One batch at a time is under way, and the next is numbered when it is
 * settled: so a number is never given to two batches.
 */
export class PartitionQueue {
  readonly topic: string
  readonly partition: number
  batch: SealedBatch | undefined
  isSending = false
  /** When what waits is to be sent at the latest. */
  dueMs = 0
  /** No sending before this time: the last one failed. */
  retryMs = 0
  /** Of a batch's records before they are compressed; one record may be longer. */
  maxBatchBytes: number
  #waiting: QueuedRecord[] = []
  #waitingBytes = 0
  #identity: ProducerIdentity | undefined
  #sequence = 0

  constructor(topic: string, partition: number, maxBatchBytes: number) {
    this.topic = topic
    this.partition = partition
    this.maxBatchBytes = maxBatchBytes
  }

  get isEmpty(): boolean {
    return this.batch === undefined && this.#waiting.length === 0
  }

  /** Whether a batch would be full, so that waiting for more is of no use. */
  get isFull(): boolean {
    return this.#waitingBytes >= this.maxBatchBytes
  }

  add(record: QueuedRecord): void {
    this.#waiting.push(record)
    this.#waitingBytes += record.record.bytes
  }

  /** Makes the next batch of what waits, where there is none and there is something. */
  seal(
    identity: ProducerIdentity,
    encode: (records: readonly EncodedRecord[], state: ProducerState) => Buffer,
  ): SealedBatch | undefined {
    if (this.batch !== undefined) return this.batch
    const records = this.#take()
    if (records.length === 0) return undefined
    this.#identity ??= identity
    const state = { ...this.#identity, sequence: this.#sequence }
    const encoded = encode(
      records.map(({ record }) => record),
      state,
    )
    this.batch = { records, encoded, identity: this.#identity, isUncertain: false }
    return this.batch
  }

  /** The batch was acknowledged. */
  acknowledged(): void {
    const { length } = this.batch?.records ?? []
    // Numbers go round, as Java's `DefaultRecordBatch.incrementSequence` makes them.
    this.#sequence =
      this.#sequence > MAX_SEQUENCE - length
        ? length - (MAX_SEQUENCE - this.#sequence) - 1
        : this.#sequence + length
    this.batch = undefined
  }

  /** The batch is given up, and is not in the log: the next one has its numbers. */
  drop(): void {
    this.batch = undefined
  }

  /** The batch is given up. Its numbers may be used in the log, so the next one begins with those of another identity. */
  abandon(): void {
    this.batch = undefined
    this.renew()
  }

  /** The batch is not in the log: its records wait again, to be made a new one. */
  reopen(): void {
    const { records } = this.batch ?? { records: [] }
    this.#waiting.unshift(...records)
    for (const { record } of records) this.#waitingBytes += record.bytes
    this.batch = undefined
  }

  /** The next batch is of another identity. */
  renew(): void {
    this.#identity = undefined
    this.#sequence = 0
  }

  /** Drops what waits of appends that were rejected. */
  dropSettled(): void {
    const left = this.#waiting.filter(({ append }) => !append.isSettled)
    if (left.length === this.#waiting.length) return
    this.#waiting = left
    this.#waitingBytes = left.reduce((sum, { record }) => sum + record.bytes, 0)
  }

  #take(): QueuedRecord[] {
    let bytes = 0
    let count = 0
    for (const { record } of this.#waiting) {
      if (count > 0 && bytes + record.bytes > this.maxBatchBytes) break
      bytes += record.bytes
      count++
    }
    this.#waitingBytes -= bytes
    return this.#waiting.splice(0, count)
  }
}
