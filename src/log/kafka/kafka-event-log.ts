import { setTimeout as sleep } from 'node:timers/promises'
import {
  type EventLog,
  LogError,
  type LogRecord,
  type PartitionHandler,
  type PartitionId,
  partitionId,
  type RecordBatch,
  type Subscription,
} from '../event-log.ts'
import { isReadWith } from '../mirrored-topic.ts'
import { Brokers } from './brokers.ts'
import type { Compression } from './codecs.ts'
import type { KafkaConnection } from './kafka-connection.ts'
import { logError } from './kafka-error.ts'
import { KafkaSubscription } from './kafka-subscription.ts'
import { Producer, type ProducerStats } from './producer.ts'
import { rangeSince, readRange } from './read-since.ts'
import { type TopicSettings, Topics } from './topics.ts'
import type { KafkaTrouble, OnTrouble } from './trouble.ts'

const DRAIN_MS = 3_500
/** How long appends wait for the end that `readSince` asks for, so that it is not behind them. */
const ASKING_MS = 1_000
/** Kafka's names (`org.apache.kafka.common.internals.Topic`). */
const TOPIC_NAME = /^(?!\.\.?$)[a-zA-Z0-9._-]{1,249}$/

export interface KafkaEventLogOptions {
  readonly connection: KafkaConnection
  /** Consumer group, which shares partitions among its members. */
  readonly group: string
  /** Of topics that are made. One that exists keeps its own, unless records would be lost or refused. */
  readonly topics: TopicSettings
  /** Of a record's key, headers and value together. */
  readonly maxRecordBytes: number
  /** Of what is written; everything that Kafka knows is read. */
  readonly compression: Compression
  /** How long a batch waits for more to be sent with it. */
  readonly lingerMs: number
  /** Silence after which the group gives a member's partitions to others. */
  readonly sessionTimeoutMs: number
  readonly onTrouble: OnTrouble
  /** After this an append that is not acknowledged rejects. By default 10 s. */
  readonly appendTimeoutMs?: number
  /** Of records that wait to be acknowledged; appends beyond that are refused. By default 64 MiB. */
  readonly maxQueuedBytes?: number
  /** How soon new topics and partitions are found. By default 10 s. */
  readonly metadataMs?: number
}

export interface KafkaLogStats extends ProducerStats {
  readonly subscriptions: number
  readonly troubles: number
}

/**
 * An `EventLog` in Kafka.
 *
 * - **Durable**: `append` resolves when every replica that is in sync has the records. What a try that failed had
 *   written is not written twice. While no broker answers, appends reject with LOG_UNAVAILABLE after
 *   `appendTimeoutMs`, and at once where `maxQueuedBytes` wait already.
 * - **Order**: a key's records are in the partition that Kafka's default partitioner chooses, in the order of the calls.
 * - **Groups**: members that subscribe with the same group share the partitions. Reading begins where the handler
 *   says; the group's offsets are written so that lag can be seen, and never read.
 * - **Retention** is the topic's.
 */
export class KafkaEventLog implements EventLog {
  readonly #options: KafkaEventLogOptions
  readonly #brokers: Brokers
  readonly #topics: Topics
  readonly #producer: Producer
  readonly #subscriptions = new Set<KafkaSubscription>()
  /** Ends of partitions that are being asked for: what is appended later must not be before them. */
  readonly #asking = new Set<Promise<unknown>>()
  readonly #onTrouble: OnTrouble
  readonly #metadataTimer: NodeJS.Timeout
  #isMetadataDue = true
  #numbers = 0
  #troubles = 0
  #closing: Promise<void> | undefined

  private constructor(options: KafkaEventLogOptions) {
    const { connection, topics, maxRecordBytes, compression, lingerMs } = options
    this.#options = options
    this.#onTrouble = (trouble: KafkaTrouble) => {
      this.#troubles++
      options.onTrouble(trouble)
    }
    const onTrouble = this.#onTrouble
    this.#brokers = new Brokers(connection)
    this.#topics = new Topics(this.#brokers, { made: topics, maxRecordBytes, onTrouble })
    this.#producer = new Producer(this.#brokers, this.#topics, {
      maxRecordBytes,
      compression,
      lingerMs,
      appendTimeoutMs: options.appendTimeoutMs ?? 10_000,
      maxQueuedBytes: options.maxQueuedBytes ?? 64 * 2 ** 20,
      onTrouble,
      beforeSend: () => (this.#asking.size === 0 ? undefined : Promise.allSettled(this.#asking)),
    })
    this.#metadataTimer = setInterval(() => void this.#look(), options.metadataMs ?? 10_000)
  }

  /** Rejects with LOG_UNAVAILABLE where no broker answers, or none lets us in. */
  static async open(options: KafkaEventLogOptions): Promise<KafkaEventLog> {
    checkOptions(options)
    const log = new KafkaEventLog(options)
    try {
      await log.#brokers.topics([])
      return log
    } catch (error) {
      await log.close()
      throw logError(`cannot reach Kafka at ${options.connection.brokers.join()}`, error)
    }
  }

  get stats(): KafkaLogStats {
    return { ...this.#producer.stats, subscriptions: this.#subscriptions.size, troubles: this.#troubles }
  }

  /** The records must not be changed until it resolves. */
  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    this.#checkOpen()
    if (records.length === 0) return
    checkName(topic)
    await this.#producer.append(topic, records)
  }

  /** Its subscription's `close` must not be awaited by the handler. */
  async subscribe(topic: string, handler: PartitionHandler): Promise<Subscription> {
    this.#checkOpen()
    checkName(topic)
    await this.#topics.ensure(topic)
    const found = await this.#all()
    this.#checkOpen()
    const { group, sessionTimeoutMs } = this.#options
    const subscription = new KafkaSubscription(
      {
        brokers: this.#brokers,
        topic,
        handler,
        group,
        sessionTimeoutMs,
        number: ++this.#numbers,
        onTrouble: this.#onTrouble,
        onClose: (closed) => this.#subscriptions.delete(closed),
      },
      found,
    )
    this.#subscriptions.add(subscription)
    return subscription
  }

  /** None of a topic that does not exist. */
  async partitions(topic: string): Promise<readonly PartitionId[]> {
    this.#checkOpen()
    const found = (await this.#all()).filter((one) => isReadWith(topic, one.topic))
    found.sort(
      (a, b) => Number(b.topic === topic) - Number(a.topic === topic) || (a.topic < b.topic ? -1 : 1),
    )
    return found.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition }) => partitionId(topic, partition)),
    )
  }

  /** Nothing of a partition that does not exist. */
  readSince(partition: PartitionId, sinceMs: number): AsyncIterable<RecordBatch> {
    const isOpen = this.#closing === undefined
    const range = isOpen ? rangeSince(this.#brokers, partition, sinceMs) : Promise.resolve(undefined)
    // Whoever reads is told that it failed; appends wait for it, but not for long.
    const asked = Promise.race([range.catch(() => undefined), sleep(ASKING_MS, undefined, { ref: false })])
    this.#asking.add(asked)
    void asked.finally(() => this.#asking.delete(asked))
    return readRange(this.#brokers, partition, range, this.#onTrouble, () => this.#checkOpen())
  }

  /** Within about 5 s. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    clearInterval(this.#metadataTimer)
    const closed = [...this.#subscriptions].map((subscription) => subscription.close())
    await Promise.all([...closed, this.#producer.drain(DRAIN_MS)])
    this.#brokers.close()
  }

  /** Looks for new topics and partitions. */
  async #look(): Promise<void> {
    if (!this.#isMetadataDue) return
    this.#isMetadataDue = false
    try {
      if (this.#subscriptions.size === 0 && this.#topics.names.length === 0) return
      const found = await this.#brokers.topics(this.#subscriptions.size > 0 ? 'all' : this.#topics.names)
      this.#topics.found(found)
      for (const subscription of this.#subscriptions) subscription.found(found)
    } catch {
      // Who needs a broker now says that none answers.
    } finally {
      this.#isMetadataDue = true
    }
  }

  async #all() {
    try {
      return await this.#brokers.topics('all')
    } catch (error) {
      throw logError('cannot read which topics there are', error)
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new LogError('LOG_CLOSED', 'the log is closed')
  }
}

function checkName(topic: string): void {
  if (TOPIC_NAME.test(topic)) return
  throw new RangeError(
    `a topic's name has 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', not ${JSON.stringify(topic)}`,
  )
}

function checkOptions({ topics, maxRecordBytes, group }: KafkaEventLogOptions): void {
  const { partitions, replicas, retentionMs } = topics
  for (const [name, value] of Object.entries({ partitions, replicas, maxRecordBytes })) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${name} must be a positive whole number, not ${value}`)
  }
  if (!(retentionMs > 0)) throw new RangeError(`retentionMs must be positive, not ${retentionMs}`)
  if (group === '') throw new RangeError('group must have a name')
}
