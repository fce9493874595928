import { LogError, type LogRecord } from '../event-log.ts'
import { encodeChunk, recordBytes } from './chunk.ts'
import { pageBytes } from './lmdb-database.ts'
import { type LogChange, logError, type LogFile, type LogSize } from './log-file.ts'
import type { LogPartition, LogTopic } from './log-partition.ts'
import type { Retention } from './retention.ts'

/** Records of a partition are kept together up to this size; a longer record has a chunk of its own. */
const CHUNK_BYTES = 128 * 1024
/** A transaction takes appends up to this size, and at least one. */
const TRANSACTION_BYTES = 16 * 2 ** 20
/** How far above its limit the log may be before appends wait for retention. */
const OVERFULL = 1.25

export interface WriterLimits {
  readonly maxBytes: number
  /** Of key, headers and value together. */
  readonly maxRecordBytes: number
  /** Of appends that wait for a transaction. */
  readonly maxQueuedBytes: number
}

export interface WriterStats extends LogSize {
  readonly appends: number
  readonly appendedRecords: number
  readonly appendedBytes: number
  readonly transactions: number
  readonly failedTransactions: number
  readonly deletedRecords: number
  readonly queuedBytes: number
}

interface Placed {
  readonly record: LogRecord
  readonly partition: LogPartition
  readonly bytes: number
}

interface PendingAppend {
  readonly topic: LogTopic
  readonly records: readonly Placed[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * The log's only writer. While a transaction is being flushed, appends queue; the next one takes them all, so that many
 * at once share a flush. Each transaction also deletes what retention asks for.
 */
export class LogWriter {
  readonly #file: LogFile
  readonly #retention: Retention
  readonly #limits: WriterLimits
  readonly #now: () => number
  #queue: PendingAppend[] = []
  #running: Promise<void> | undefined
  #isRetentionDue = true
  #stats = {
    appends: 0,
    appendedRecords: 0,
    appendedBytes: 0,
    transactions: 0,
    failedTransactions: 0,
    deletedRecords: 0,
    queuedBytes: 0,
  }

  constructor(file: LogFile, retention: Retention, limits: WriterLimits, now: () => number) {
    this.#file = file
    this.#retention = retention
    this.#limits = limits
    this.#now = now
  }

  get stats(): WriterStats {
    return { ...this.#stats, ...this.#file.size }
  }

  /** Resolves when the records, and the topic, are durable. */
  append(
    topic: LogTopic,
    records: readonly LogRecord[],
    partitionOf: (record: LogRecord) => LogPartition,
  ): Promise<void> {
    const sizes = records.map((record, i) => this.#checkedBytes(topic, record, i))
    const bytes = sizes.reduce((sum, size) => sum + size, 0)
    const { queuedBytes } = this.#stats
    const { maxQueuedBytes } = this.#limits
    if (queuedBytes > 0 && queuedBytes + bytes > maxQueuedBytes) {
      const message = `cannot append ${bytes} bytes to ${topic.record.name}: ${queuedBytes} of at most ${maxQueuedBytes} wait to be written`
      throw new LogError('LOG_UNAVAILABLE', message)
    }
    const placed = records.map((record, i) => ({ record, partition: partitionOf(record), bytes: sizes[i]! }))
    return new Promise((resolve, reject) => {
      this.#queue.push({ topic, records: placed, bytes, resolve, reject })
      this.#stats.queuedBytes += bytes
      this.#start()
    })
  }

  /** Deletes what is too old or too much, step by step. */
  retain(): void {
    this.#isRetentionDue = true
    this.#start()
  }

  /** Resolves when nothing is queued or under way. */
  async drain(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  #checkedBytes(topic: LogTopic, record: LogRecord, index: number): number {
    const bytes = recordBytes(record)
    if (bytes <= this.#limits.maxRecordBytes) return bytes
    const message = `cannot append to ${topic.record.name}: record ${index} has ${bytes} bytes, of which it may have ${this.#limits.maxRecordBytes}`
    throw new LogError('LOG_RECORD_TOO_LARGE', message)
  }

  #start(): void {
    this.#running ??= this.#run()
  }

  async #run(): Promise<void> {
    // What else is appended in this turn shares the transaction.
    await Promise.resolve()
    while (this.#queue.length > 0 || this.#isRetentionDue) await this.#transact()
    this.#running = undefined
  }

  async #transact(): Promise<void> {
    let appends: readonly PendingAppend[] = []
    try {
      const nowMs = Math.floor(this.#now())
      const { usedBytes } = this.#file.size
      const isOverfull = usedBytes > this.#limits.maxBytes * OVERFULL
      let removals = isOverfull ? this.#retention.step({ usedBytes, addedBytes: 0, nowMs }) : []
      // Where nothing can be deleted, waiting would not help.
      if (removals.length === 0) appends = this.#take()
      const change = changeOf(appends, nowMs)
      if (removals.length === 0) {
        const addedBytes = change.chunks.reduce((sum, { key }) => sum + pageBytes(key.bytes), 0)
        removals = this.#retention.step({ usedBytes, addedBytes, nowMs })
      }
      this.#isRetentionDue = removals.length > 0
      if (appends.length === 0 && removals.length === 0) return
      await this.#file.write({ ...change, removals })
      this.#stats.transactions++
      for (const { key } of removals) this.#stats.deletedRecords += key.count
      this.#succeeded(appends, change)
    } catch (error) {
      // Appends that wait for room wait in vain when nothing can be deleted.
      await this.#failed(appends.length > 0 ? appends : this.#take(), error)
    }
  }

  #take(): PendingAppend[] {
    let bytes = 0
    const count = this.#queue.findIndex((append, i) => (bytes += append.bytes) > TRANSACTION_BYTES && i > 0)
    const taken = this.#queue.splice(0, count === -1 ? this.#queue.length : count)
    for (const append of taken) this.#stats.queuedBytes -= append.bytes
    return taken
  }

  #succeeded(appends: readonly PendingAppend[], change: PlannedChange): void {
    for (const { partition, end } of change.ends) {
      partition.endOffset = end.endOffset
      partition.timestampMs = end.timestampMs
    }
    for (const { topic, records, bytes, resolve } of appends) {
      topic.isStored = true
      this.#stats.appends++
      this.#stats.appendedRecords += records.length
      this.#stats.appendedBytes += bytes
      resolve()
    }
    for (const { partition } of change.ends) partition.appended()
  }

  async #failed(appends: readonly PendingAppend[], error: unknown): Promise<void> {
    this.#stats.failedTransactions++
    // Deleting is tried again with the next append, or when its time comes.
    this.#isRetentionDue = false
    this.#retention.forget()
    try {
      // The transaction may have come through all the same.
      for (const { records } of appends) {
        for (const { partition } of records) Object.assign(partition, this.#file.end(partition.ref))
      }
    } catch {
      // The file cannot be read either: the next transaction fails as well, and says why.
    }
    const reason = await logError('cannot write to the log', error)
    for (const { reject } of appends) reject(reason)
  }
}

interface PlannedChange extends Omit<LogChange, 'removals' | 'ends'> {
  readonly ends: readonly (LogChange['ends'][number] & { readonly partition: LogPartition })[]
}

/** Gives records their offsets and times, and puts those of a partition into chunks. */
function changeOf(appends: readonly PendingAppend[], nowMs: number): PlannedChange {
  const topics = new Set(appends.map(({ topic }) => topic).filter(({ isStored }) => !isStored))
  const byPartition = new Map<LogPartition, Placed[]>()
  for (const placed of appends.flatMap(({ records }) => records)) {
    const list = byPartition.get(placed.partition)
    if (list === undefined) byPartition.set(placed.partition, [placed])
    else list.push(placed)
  }
  const chunks: LogChange['chunks'][number][] = []
  const ends: PlannedChange['ends'][number][] = []
  for (const [partition, list] of byPartition) {
    const timestampMs = Math.max(nowMs, partition.timestampMs)
    let offset = partition.endOffset
    for (let from = 0, to; from < list.length; from = to) {
      let bytes = list[from]!.bytes
      for (to = from + 1; to < list.length && bytes + list[to]!.bytes <= CHUNK_BYTES; to++) {
        bytes += list[to]!.bytes
      }
      const records = list.slice(from, to).map(({ record }) => record)
      const value = encodeChunk(records, bytes)
      const key = { offset, timestampMs, count: records.length, bytes: value.length }
      chunks.push({ ref: partition.ref, key, value })
      offset += records.length
    }
    ends.push({ partition, ref: partition.ref, end: { endOffset: offset, timestampMs } })
  }
  return { topics: [...topics].map(({ record }) => record), chunks, ends }
}
