/** A partition of a topic, written `<topic>-<number>`. */
export type PartitionId = `${string}-${number}`

export function partitionId(topic: string, partition: number): PartitionId {
  return `${topic}-${partition}`
}

/** What is appended. */
export interface LogRecord {
  /** Records of one key keep their order: they go to one partition. Without a key any partition will do. */
  readonly key?: string
  readonly value: Uint8Array
  /** Lower-case names. `content-type` says how `value` is encoded. */
  readonly headers: Readonly<Record<string, string>>
}

/** What is read. */
export interface StoredRecord extends LogRecord {
  readonly offset: number
  /** When the log took it, epoch milliseconds. */
  readonly timestampMs: number
}

export interface RecordBatch {
  readonly partition: PartitionId
  /** In order of offset; never empty. Offsets may have gaps. */
  readonly records: readonly StoredRecord[]
  /** The offset after the last record that the partition held when the batch was read: equal to the last
   * record's offset plus one means that the reader has caught up. */
  readonly endOffset: number
}

/**
 * A subscriber. The log calls it for one partition at a time in order: never two calls of one partition at once. A call
 * of `assigned` or `records` that rejects is made again after a while, from the same offset.
 */
export interface PartitionHandler {
  /** The partition is now read here. Answers the offset of the first record wanted. */
  assigned(partition: PartitionId): Promise<number>
  /**
   * Takes a batch. Answers the offset wanted next: usually the one after the batch; any other makes the log seek.
   * The log reads no further until the answer is there, which is the back-pressure.
   *
   * The values are the handler's until then: afterwards their memory is used for others. What is to live longer is copied.
   */
  records(batch: RecordBatch): Promise<number>
  /** The partition is read elsewhere from now on. Called before that where possible, else as soon as known. */
  revoked(partition: PartitionId): Promise<void>
}

export interface Subscription {
  /**
   * Makes the next batch of the partition begin at `offset`. Does nothing where the partition is not read any more: who
   * seeks may not have been told yet.
   */
  seek(partition: PartitionId, offset: number): void
  /** Revokes all partitions and ends. Idempotent. */
  close(): Promise<void>
}

/**
 * A durable, partitioned, ordered log: Kafka, or one embedded in the process.
 *
 * Who reads `topic` reads its mirrors too: topics named `<cluster>.<topic>`, as MirrorMaker names them, those that are
 * made later included.
 *
 * - `append` resolves when all records would survive the loss of this process (Kafka: acks=all); when it rejects,
 *   any of them may have been written, and the caller that needs to know numbers its batches.
 * - A reader asking for an offset that retention has deleted gets the oldest record there is: it sees the gap in
 *   the offsets.
 * - Failures reject with a `LogError`. `close` is idempotent, drains appends under way, and ends subscriptions.
 */
export interface EventLog {
  /** Makes the topic where there is none. */
  append(topic: string, records: readonly LogRecord[]): Promise<void>
  /** Reads every partition of `topic` and its mirrors that this subscriber is assigned. Makes the topic where there is none. */
  subscribe(topic: string, handler: PartitionHandler): Promise<Subscription>
  /** Partitions of a topic, followed by those of its mirrors in order of their names. */
  partitions(topic: string): Promise<readonly PartitionId[]>
  /**
   * Batches of one partition from the first record taken at or after `sinceMs`, ending at what was there when called. They
   * live as long as their reader wants.
   */
  readSince(partition: PartitionId, sinceMs: number): AsyncIterable<RecordBatch>
  close(): Promise<void>
}

export type LogErrorCode =
  | 'LOG_UNAVAILABLE'
  | 'LOG_FULL'
  | 'LOG_CLOSED'
  | 'LOG_RECORD_TOO_LARGE'
  | 'LOG_FORMAT'
  | 'LOG_CORRUPT'
  | 'LOG_MISCONFIGURED'

/** An operational failure of a log. */
export class LogError extends Error {
  readonly code: LogErrorCode

  constructor(code: LogErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LogError'
    this.code = code
  }
}
