import { setImmediate } from 'node:timers/promises'
import {
  type EventLog,
  LogError,
  type LogRecord,
  type PartitionHandler,
  type PartitionId,
  type RecordBatch,
  type Subscription,
} from '../event-log.ts'
import { mirroredCluster } from '../mirrored-topic.ts'
import { partitionOfKey } from '../murmur2.ts'
import { type DirectoryLock, lockDataDirectory } from './data-directory-lock.ts'
import { EmbeddedSubscription } from './embedded-subscription.ts'
import { logError, LogFile } from './log-file.ts'
import { type LogPartition, LogTopic } from './log-partition.ts'
import { LogWriter, type WriterStats } from './log-writer.ts'
import { PartitionLoop } from './partition-loop.ts'
import { type BatchLimits, offsetSince, readBatch } from './partition-reader.ts'
import { Retention } from './retention.ts'
import { systemTimer, type Timer } from './timer.ts'

const MAX_TOPICS = 1024
const MAX_PARTITIONS = 1024
/** Kafka's names (`org.apache.kafka.common.internals.Topic`). */
const TOPIC_NAME = /^[a-zA-Z0-9._-]{1,249}$/
/** How often age is looked at, as a share of it and at most. */
const AGE_CHECKS = 10
const MAX_AGE_CHECK_MS = 60_000

export interface EmbeddedEventLogOptions {
  /** A directory for the log alone. Made where there is none. */
  readonly path: string
  /** Of a new topic. A topic keeps the number it was made with, so that keys keep their partition. */
  readonly partitions: number
  /** What the records of all topics may take on disk, pages that are partly filled included. */
  readonly maxBytes: number
  readonly maxAgeMs: number
  /** Of a record's key, headers and value together. By default Kafka's `message.max.bytes`. */
  readonly maxRecordBytes?: number
  /** Of appends that wait to be written; more are refused with LOG_UNAVAILABLE. */
  readonly maxQueuedBytes?: number
  /** Of what a subscriber is given at once. */
  readonly batch?: BatchLimits
  /** Epoch milliseconds. */
  readonly now?: () => number
  readonly timer?: Timer
  /** Told of what failed in a subscription and is tried again: the handler rejected, or the log cannot be read. */
  readonly onError?: (error: unknown, partition: PartitionId) => void
}

export interface EmbeddedLogStats extends WriterStats {
  readonly topics: number
  readonly subscriptions: number
  /** Of subscriptions: calls of handlers, or reads, that failed and were tried again. */
  readonly retries: number
}

/**
 * An `EventLog` in a file of this machine, for one process, which locks it.
 *
 * - **Durable**: `append` resolves when its transaction is flushed to the disk. What was acknowledged survives `kill
 *   -9`, a crash of the system and the loss of power, as far as the disk does what it says. A transaction is there
 *   whole or not at all. Appends that come while another is being flushed share the next flush.
 * - **Order**: a key's records are in one partition, the one that Kafka's default partitioner would choose, in the order
 *   of the calls. Records without a key go to the partitions in turn. Offsets are dense from 0 and are never given
 *   twice, whatever is deleted; times of a partition never go back.
 * - **Retention**: the oldest records of all topics go when the log takes more than `maxBytes`, or they are older than
 *   `maxAgeMs`. It takes at most 1.25 `maxBytes`, and one transaction (16 MiB, or one longer append), since appends wait
 *   beyond that. The file also has free pages, for it never shrinks: up to about twice `maxBytes` in all.
 * - **No groups**: every subscription is given all partitions of its topic and of its mirrors.
 * - **A full disk** rejects appends with LOG_FULL and loses nothing; they go on when there is room.
 */
export class EmbeddedEventLog implements EventLog {
  readonly #options: EmbeddedEventLogOptions
  readonly #lock: DirectoryLock
  readonly #file: LogFile
  readonly #retention: Retention
  readonly #writer: LogWriter
  readonly #timer: Timer
  readonly #batch: BatchLimits
  readonly #topics = new Map<string, LogTopic>()
  readonly #partitions = new Map<PartitionId, LogPartition>()
  readonly #subscriptions = new Set<EmbeddedSubscription>()
  #cancelAgeCheck: () => void = () => {}
  #retries = 0
  #closing: Promise<void> | undefined

  private constructor(options: EmbeddedEventLogOptions, lock: DirectoryLock, file: LogFile) {
    const { maxBytes, maxAgeMs, now = Date.now } = options
    this.#options = options
    this.#lock = lock
    this.#file = file
    this.#timer = options.timer ?? systemTimer
    this.#batch = options.batch ?? { records: 4096, bytes: 4 * 2 ** 20 }
    this.#retention = new Retention(file, { maxBytes, maxAgeMs })
    const { maxRecordBytes = 1_048_588, maxQueuedBytes = 64 * 2 ** 20 } = options
    this.#writer = new LogWriter(file, this.#retention, { maxBytes, maxRecordBytes, maxQueuedBytes }, now)
    for (const record of file.topics()) this.#addTopic(new LogTopic(record, true, (ref) => file.end(ref)))
    this.#checkAge()
  }

  /**
   * Opens or makes a log. Rejects with a LogError: LOG_FORMAT, LOG_CORRUPT, LOG_UNAVAILABLE; or with a
   * DirectoryLockedError when another process has it open.
   */
  static async open(options: EmbeddedEventLogOptions): Promise<EmbeddedEventLog> {
    checkOptions(options)
    const lock = await lockDataDirectory(options.path).catch(async (error: unknown) => {
      throw await logError(`cannot open the log ${options.path}`, error)
    })
    try {
      const file = await LogFile.open(options.path, 2 * options.maxBytes + 64 * 2 ** 20)
      return new EmbeddedEventLog(options, lock, file)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  get stats(): EmbeddedLogStats {
    return {
      ...this.#writer.stats,
      topics: this.#topics.size,
      subscriptions: this.#subscriptions.size,
      retries: this.#retries,
    }
  }

  /** The records must not be changed until it resolves. */
  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    this.#checkOpen()
    if (records.length === 0) return
    const found = this.#topic(topic)
    await this.#writer.append(found, records, ({ key }) => {
      if (key === undefined) return found.next()
      return found.partitions[partitionOfKey(Buffer.from(key), found.partitions.length)]!
    })
  }

  /** Makes the topic where there is none. Its subscription's `close` must not be awaited by the handler. */
  async subscribe(topic: string, handler: PartitionHandler): Promise<Subscription> {
    this.#checkOpen()
    const found = this.#topic(topic)
    if (!found.isStored) await this.#writer.append(found, [], () => found.next())
    this.#checkOpen()
    const subscription = new EmbeddedSubscription({
      topic,
      open: (partition) => this.#loop(partition, handler),
      onClose: (closed) => this.#subscriptions.delete(closed),
    })
    for (const { record, partitions } of this.#topics.values()) subscription.found(record.name, partitions)
    this.#subscriptions.add(subscription)
    return subscription
  }

  /** None of a topic that does not exist. */
  async partitions(topic: string): Promise<readonly PartitionId[]> {
    this.#checkOpen()
    const mirrors = [...this.#topics.keys()].filter((name) => mirroredCluster(topic, name) !== undefined)
    return [topic, ...mirrors.sort()].flatMap(
      (name) => this.#topics.get(name)?.partitions.map(({ id }) => id) ?? [],
    )
  }

  /** Nothing of a partition that does not exist. */
  readSince(partition: PartitionId, sinceMs: number): AsyncIterable<RecordBatch> {
    const found = this.#partitions.get(partition)
    return this.#readSince(found, sinceMs, found?.endOffset ?? 0)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#cancelAgeCheck()
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()))
    await this.#writer.drain()
    await this.#file.close()
    await this.#lock.release()
  }

  async *#readSince(
    partition: LogPartition | undefined,
    sinceMs: number,
    end: number,
  ): AsyncGenerator<RecordBatch> {
    this.#checkOpen()
    if (partition === undefined) return
    try {
      let offset = offsetSince(this.#file, partition, sinceMs)
      for (;;) {
        const batch = readBatch(this.#file, partition, offset, this.#batch, end)
        if (batch === undefined) return
        yield batch
        offset = batch.records.at(-1)!.offset + 1
        // Other work of the process has its turn between two batches.
        await setImmediate()
        this.#checkOpen()
      }
    } catch (error) {
      throw await logError(`cannot read ${partition.id}`, error)
    }
  }

  #loop(partition: LogPartition, handler: PartitionHandler): PartitionLoop {
    return new PartitionLoop(partition, {
      handler,
      read: (from, offset) => readBatch(this.#file, from, offset, this.#batch),
      timer: this.#timer,
      onError: (error) => {
        this.#retries++
        this.#options.onError?.(error, partition.id)
      },
    })
  }

  #topic(name: string): LogTopic {
    const found = this.#topics.get(name)
    if (found !== undefined) return found
    if (!TOPIC_NAME.test(name)) {
      throw new RangeError(
        `a topic's name has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', not ${JSON.stringify(name)}`,
      )
    }
    // A topic whose first append failed has a number that the file does not know, so they are not simply counted.
    const number = Math.max(-1, ...[...this.#topics.values()].map(({ record }) => record.number)) + 1
    if (number >= MAX_TOPICS)
      throw new RangeError(`cannot make topic ${name}: there are ${MAX_TOPICS} already`)
    const { partitions } = this.#options
    const topic = new LogTopic({ name, number, partitions }, false, (ref) => this.#file.end(ref))
    this.#addTopic(topic)
    return topic
  }

  #addTopic(topic: LogTopic): void {
    this.#topics.set(topic.record.name, topic)
    for (const partition of topic.partitions) {
      this.#partitions.set(partition.id, partition)
      this.#retention.add(partition)
    }
    for (const subscription of this.#subscriptions) subscription.found(topic.record.name, topic.partitions)
  }

  #checkAge(): void {
    this.#writer.retain()
    const ms = Math.min(MAX_AGE_CHECK_MS, Math.max(1000, this.#options.maxAgeMs / AGE_CHECKS))
    this.#cancelAgeCheck = this.#timer(ms, () => this.#checkAge())
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new LogError('LOG_CLOSED', `the log ${this.#options.path} is closed`)
    }
  }
}

function checkOptions({ partitions, maxBytes, maxAgeMs }: EmbeddedEventLogOptions): void {
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > MAX_PARTITIONS) {
    throw new RangeError(`partitions must be 1 to ${MAX_PARTITIONS}, not ${partitions}`)
  }
  if (!(maxBytes > 0)) throw new RangeError(`maxBytes must be positive, not ${maxBytes}`)
  if (!(maxAgeMs > 0)) throw new RangeError(`maxAgeMs must be positive, not ${maxAgeMs}`)
}
