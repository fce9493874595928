import { LogError, type LogRecord } from '../event-log.ts'
import { partitionOfKey } from '../murmur2.ts'
import { type Brokers, REQUEST_MS } from './brokers.ts'
import type { Compression } from './codecs.ts'
import { BrokerError, CODE, isPassing, logError } from './kafka-error.ts'
import {
  type PendingAppend,
  PartitionQueue,
  type ProducerIdentity,
  type QueuedRecord,
  type SealedBatch,
} from './partition-queue.ts'
import { type AppendLimits, type AppendStats, PendingAppends } from './pending-appends.ts'
import { type ProduceAnswer, produceRequest } from './produce-request.ts'
import { encodeBatch, encodeRecord } from './record-encoder.ts'
import { type KnownTopic, RECORD_SLACK_BYTES, type Topics } from './topics.ts'
import { Backoff, type OnTrouble } from './trouble.ts'

/** Of a batch before it is compressed: fits what a topic takes by default. */
const BATCH_BYTES = 1_000_000
const REQUEST_BYTES = 8 * 2 ** 20
const MIN_RETRY_MS = 50
const MAX_RETRY_MS = 1_000

/** Answers that say that the broker does not know our numbers, or not us. */
const LOST_STATE: ReadonlySet<number> = new Set([
  CODE.outOfOrderSequence,
  CODE.invalidProducerEpoch,
  CODE.unknownProducer,
  CODE.producerFenced,
])

export interface ProducerOptions extends AppendLimits {
  readonly maxRecordBytes: number
  readonly compression: Compression
  readonly lingerMs: number
  readonly onTrouble: OnTrouble
  /** Awaited before a request is sent. */
  readonly beforeSend: () => Promise<unknown> | undefined
}

export interface ProducerStats extends AppendStats {
  readonly requests: number
  readonly failedRequests: number
  /** How often the producer got a new identity, the first not counted. */
  readonly renewals: number
}

/**
 * An idempotent producer with acks of all replicas. A partition has one batch under way, which is sent again, the same
 * to the byte, until it is acknowledged or its appends have timed out; only then is the next one numbered.
 *
 * kafkajs's own producer numbers a failed batch's successor like the failed one, which the broker then takes for the
 * same; and where a partition's leader moves between two tries of a request, it loses or repeats a part of it.
 */
export class Producer {
  readonly #brokers: Brokers
  readonly #topics: Topics
  readonly #options: ProducerOptions
  readonly #queues = new Map<string, PartitionQueue>()
  /** Those with records. */
  readonly #filled = new Set<PartitionQueue>()
  readonly #appends: PendingAppends
  /** Appends that wait for their topic, by topic: others wait behind them. */
  readonly #waitingForTopic = new Map<string, number>()
  readonly #turns = new Map<string, number>()
  /** Brokers that a request is under way to. */
  readonly #busy = new Set<number>()
  readonly #retry = new Backoff(MIN_RETRY_MS, MAX_RETRY_MS)
  #identity: ProducerIdentity | undefined
  #asking: Promise<ProducerIdentity> | undefined
  #refreshing: Promise<void> | undefined
  #pumpTimer: NodeJS.Timeout | undefined
  #pumpMs = Infinity
  #isDraining = false
  #identities = 0
  #requests = 0
  #failedRequests = 0

  constructor(brokers: Brokers, topics: Topics, options: ProducerOptions) {
    this.#brokers = brokers
    this.#topics = topics
    this.#options = options
    this.#appends = new PendingAppends(options, () => this.#expired())
  }

  get stats(): ProducerStats {
    return {
      ...this.#appends.stats,
      requests: this.#requests,
      failedRequests: this.#failedRequests,
      renewals: Math.max(0, this.#identities - 1),
    }
  }

  /** Resolves when all records are acknowledged. */
  async append(topic: string, records: readonly LogRecord[]): Promise<void> {
    const encoded = records.map((record, i) => {
      this.#checkSize(topic, record, i)
      return encodeRecord(record, record.key === undefined ? undefined : Buffer.from(record.key))
    })
    const bytes = encoded.reduce((sum, record) => sum + record.bytes, 0)
    const { append, acknowledged } = this.#appends.add(topic, bytes, records.length)
    const add = (known: KnownTopic) => this.#add(known, append, encoded)
    const known = this.#topics.known(topic)
    if (known !== undefined && !this.#waitingForTopic.has(topic)) add(known)
    else void this.#addWithTopic(append, add)
    return acknowledged
  }

  /** Resolves when nothing waits, or rejects what still does after a time. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true
    this.#pump()
    await this.#appends.drain(timeoutMs)
    clearTimeout(this.#pumpTimer)
  }

  #checkSize(topic: string, { key = '', value, headers }: LogRecord, index: number): void {
    const { maxRecordBytes } = this.#options
    let bytes = Buffer.byteLength(key) + value.length
    let count = 0
    for (const name in headers) {
      bytes += Buffer.byteLength(name) + Buffer.byteLength(headers[name]!)
      count++
    }
    if (bytes <= maxRecordBytes && 10 * count < RECORD_SLACK_BYTES / 2) return
    const message = `cannot append to ${topic}: record ${index} has ${bytes} bytes and ${count} headers, of which it may have ${maxRecordBytes} and ${Math.floor(RECORD_SLACK_BYTES / 20)}`
    throw new LogError('LOG_RECORD_TOO_LARGE', message)
  }

  async #addWithTopic(append: PendingAppend, add: (topic: KnownTopic) => void): Promise<void> {
    const { topic } = append
    this.#waitingForTopic.set(topic, (this.#waitingForTopic.get(topic) ?? 0) + 1)
    try {
      const known = await this.#topics.ensure(topic)
      if (!append.isSettled) add(known)
    } catch (error) {
      this.#appends.reject(append, error as Error)
    } finally {
      const left = this.#waitingForTopic.get(topic)! - 1
      if (left === 0) this.#waitingForTopic.delete(topic)
      else this.#waitingForTopic.set(topic, left)
    }
  }

  #add(
    { topic, partitions }: KnownTopic,
    append: PendingAppend,
    records: readonly QueuedRecord['record'][],
  ): void {
    // Records without a key go to one partition an append, so that batches fill.
    const turn = (this.#turns.get(topic) ?? -1) + 1
    this.#turns.set(topic, turn % 2 ** 30)
    const now = performance.now()
    let dueMs = this.#isDraining ? 0 : now + this.#options.lingerMs
    for (const record of records) {
      const partition = record.key === undefined ? turn % partitions : partitionOfKey(record.key, partitions)
      const queue = this.#queue(topic, partition)
      if (queue.isEmpty) queue.dueMs = dueMs
      queue.add({ record, append })
      this.#filled.add(queue)
      if (queue.isFull) dueMs = 0
    }
    this.#pumpAt(dueMs)
  }

  #queue(topic: string, partition: number): PartitionQueue {
    const key = `${topic}-${partition}`
    let queue = this.#queues.get(key)
    if (queue === undefined) {
      const maxBatchBytes = Math.min(BATCH_BYTES, this.#options.maxRecordBytes + RECORD_SLACK_BYTES / 2)
      queue = new PartitionQueue(topic, partition, maxBatchBytes)
      this.#queues.set(key, queue)
    }
    return queue
  }

  #pumpAt(ms: number): void {
    if (ms >= this.#pumpMs) return
    clearTimeout(this.#pumpTimer)
    this.#pumpMs = ms
    this.#pumpTimer = setTimeout(() => this.#pump(), Math.max(0, ms - performance.now()))
  }

  /** Sends what is due to brokers that no request is under way to. */
  #pump(): void {
    clearTimeout(this.#pumpTimer)
    this.#pumpMs = Infinity
    const now = performance.now()
    let nextMs = Infinity
    const byLeader = new Map<number, PartitionQueue[]>()
    const withoutLeader = new Set<string>()
    for (const queue of this.#filled) {
      if (queue.isEmpty) {
        this.#filled.delete(queue)
        continue
      }
      if (queue.isSending) continue
      const isDue = queue.batch !== undefined || queue.isFull || this.#isDraining
      const atMs = Math.max(queue.retryMs, isDue ? 0 : queue.dueMs)
      if (atMs > now) {
        nextMs = Math.min(nextMs, atMs)
        continue
      }
      const leader = this.#brokers.leader(queue.topic, queue.partition)
      if (leader === undefined) withoutLeader.add(queue.topic)
      else if (!this.#busy.has(leader)) {
        const found = byLeader.get(leader)
        if (found === undefined) byLeader.set(leader, [queue])
        else found.push(queue)
      }
    }
    for (const [leader, queues] of byLeader) void this.#send(leader, queues)
    if (withoutLeader.size > 0)
      void this.#refresh([...withoutLeader]).then(() => this.#pumpAt(performance.now() + MIN_RETRY_MS))
    if (nextMs < Infinity) this.#pumpAt(nextMs)
  }

  async #send(leader: number, queues: readonly PartitionQueue[]): Promise<void> {
    this.#busy.add(leader)
    const sent: { queue: PartitionQueue; batch: SealedBatch }[] = []
    for (const queue of queues) queue.isSending = true
    try {
      await this.#options.beforeSend()
      const identity = await this.#withIdentity()
      const { compression } = this.#options
      const now = Date.now()
      let bytes = 0
      for (const queue of queues) {
        if (bytes >= REQUEST_BYTES) break
        const batch = queue.seal(identity, (records, state) => encodeBatch(records, state, compression, now))
        if (batch === undefined) continue
        sent.push({ queue, batch })
        bytes += batch.encoded.length
      }
      if (sent.length > 0) await this.#produce(leader, sent)
    } catch (error) {
      this.#failed(error)
      const retryMs = performance.now() + this.#retry.next()
      for (const queue of queues) queue.retryMs = retryMs
      for (const { batch } of sent) batch.isUncertain = true
      await this.#refresh(queues.map(({ topic }) => topic))
    } finally {
      for (const queue of queues) queue.isSending = false
      this.#busy.delete(leader)
      this.#pump()
    }
  }

  async #produce(
    leader: number,
    sent: readonly { queue: PartitionQueue; batch: SealedBatch }[],
  ): Promise<void> {
    const timeoutMs = Math.max(1_000, Math.min(REQUEST_MS, this.#options.appendTimeoutMs / 2))
    const request = produceRequest(
      sent.map(({ queue: { topic, partition }, batch }) => ({ topic, partition, batch: batch.encoded })),
      timeoutMs,
    )
    this.#requests++
    const answer = await this.#brokers.node(leader, 'produce').send<ProduceAnswer>(request, timeoutMs + 500)
    const codes = new Map(
      answer.topics.flatMap(({ topicName, partitions }) =>
        partitions.map(({ partition, errorCode }) => [`${topicName}-${partition}`, errorCode] as const),
      ),
    )
    const stale = new Set<string>()
    for (const { queue, batch } of sent) {
      // Given up meanwhile.
      if (queue.batch !== batch) continue
      const code = codes.get(`${queue.topic}-${queue.partition}`) ?? CODE.unknownTopic
      if (this.#answered(queue, batch, code) === 'stale') stale.add(queue.topic)
    }
    if (stale.size > 0) await this.#refresh([...stale])
    else this.#retry.reset()
  }

  /** Does what a partition's answer asks for. */
  #answered(queue: PartitionQueue, batch: SealedBatch, code: number): 'settled' | 'stale' {
    if (code === 0 || code === CODE.duplicateSequence) {
      queue.acknowledged()
      this.#appends.acknowledged(batch.records)
      return 'settled'
    }
    const failure = new BrokerError(code, `cannot append to ${queue.topic}-${queue.partition}`)
    if (isPassing(code)) {
      this.#failed(failure)
      batch.isUncertain = true
      queue.retryMs = performance.now() + this.#retry.next()
      if (code === CODE.unknownTopic) this.#topics.forget(queue.topic)
      return 'stale'
    }
    if (code === CODE.messageTooLarge || code === CODE.recordListTooLarge) {
      if (batch.records.length > 1) {
        queue.maxBatchBytes = Math.max(1, Math.floor(queue.maxBatchBytes / 2))
        queue.reopen()
        return 'settled'
      }
      queue.drop()
      const message = `the record is longer than the topic ${queue.topic} takes now: ${failure.message}`
      this.#appends.rejectAll(
        batch.records,
        new LogError('LOG_RECORD_TOO_LARGE', message, { cause: failure }),
      )
      return 'settled'
    }
    this.#forgetIdentity(batch.identity)
    const { message } = failure
    if (LOST_STATE.has(code)) {
      this.#options.onTrouble({ kind: 'producer', message: `${message}: it goes on with a new identity` })
      if (!batch.isUncertain) {
        queue.reopen()
        queue.renew()
        return 'settled'
      }
    }
    // It may be in the log or not, so it cannot be numbered anew: whoever appended it has to know.
    queue.abandon()
    this.#appends.rejectAll(batch.records, logError('cannot append', failure))
    return 'settled'
  }

  #withIdentity(): ProducerIdentity | Promise<ProducerIdentity> {
    if (this.#identity !== undefined) return this.#identity
    this.#asking ??= this.#newIdentity().finally(() => (this.#asking = undefined))
    return this.#asking
  }

  async #newIdentity(): Promise<ProducerIdentity> {
    const broker = await this.#brokers.controller()
    const { producerId, producerEpoch } = await broker.request<{ producerId: string; producerEpoch: number }>(
      'InitProducerId',
      { transactionalId: null },
      REQUEST_MS,
    )
    this.#identities++
    this.#identity = { producerId: BigInt(producerId), producerEpoch }
    return this.#identity
  }

  /** Queues that lost their place take a new identity; others keep theirs. */
  #forgetIdentity(lost: ProducerIdentity): void {
    if (this.#identity === lost) this.#identity = undefined
  }

  async #refresh(topics: readonly string[]): Promise<void> {
    this.#refreshing ??= this.#brokers
      .refresh([...new Set(topics)])
      .catch((error: unknown) => this.#failed(error))
      .finally(() => (this.#refreshing = undefined))
    await this.#refreshing
  }

  #failed(error: unknown): void {
    this.#failedRequests++
    this.#appends.failed(error)
  }

  /** Gives up batches that have nothing but what was rejected. */
  #expired(): void {
    for (const queue of this.#filled) {
      queue.dropSettled()
      const { batch } = queue
      if (batch === undefined || !batch.records.every(({ append }) => append.isSettled)) continue
      queue.abandon()
      this.#forgetIdentity(batch.identity)
    }
  }
}
