import type { StoredRecord } from '../event-log.ts'
import { Inflater } from './codecs.ts'
import type { ReusableMemory } from './reusable-memory.ts'

const BATCH_HEADER_BYTES = 61
/** Of offset and length, which a batch's length does not count. */
const LENGTH_END = 12
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const NO_HEADERS: Readonly<Record<string, string>> = {}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

export interface TakenRecords {
  readonly records: StoredRecord[]
  /** Where reading goes on after them: past what is no record (control batches, what compaction left out). */
  readonly nextOffset: number
}

/** The record batch that is being read. */
interface OpenBatch {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly lastOffset: number
  readonly baseTimestampMs: number
  /** The time of all records, where the broker gave it. */
  readonly appendTimestampMs: number | undefined
  readonly count: number
  read: number
  at: number
}

/**
 * The record batches that a fetch answered for a partition, read step by step: they stay as they came until their
 * records are taken, one batch inflated at a time.
 *
 * Values are views of memory that is used again. What `take` answers lives until it is called again, or `release`; who
 * calls neither keeps all.
 */
export class RecordSet {
  readonly #bytes: Buffer
  readonly #from: number
  readonly #aborted: AbortedTransaction[]
  readonly #abortedProducers = new Set<bigint>()
  readonly #onDamaged: (message: string) => void
  readonly #memory: ReusableMemory
  readonly #inflater: Inflater
  /** Batches that were taken to their ends. */
  #spent: Buffer[] = []
  #at = 0
  #batch: OpenBatch | undefined
  #nextOffset: number
  #headers = NO_HEADERS
  #headerBytes: Buffer = Buffer.alloc(0)

  /** What is before `from` is left out; of a batch that cannot be read `onDamaged` is told, and it is passed over. */
  constructor(
    bytes: Buffer,
    from: number,
    aborted: readonly AbortedTransaction[],
    memory: ReusableMemory,
    onDamaged: (message: string) => void,
  ) {
    this.#memory = memory
    this.#inflater = new Inflater(memory)
    this.#bytes = bytes
    this.#from = from
    this.#nextOffset = from
    this.#aborted = [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
    this.#onDamaged = onDamaged
  }

  /** What it holds in memory, at least. */
  get bytes(): number {
    return this.#bytes.length
  }

  /** The next records up to the limits, at least one; none when there are no more. */
  take(maxRecords: number, maxBytes: number): TakenRecords {
    this.#releaseSpent()
    const records: StoredRecord[] = []
    let bytes = 0
    while (records.length < maxRecords && bytes < maxBytes) {
      this.#batch ??= this.#open()
      const batch = this.#batch
      if (batch === undefined) break
      try {
        while (batch.read < batch.count && records.length < maxRecords && bytes < maxBytes) {
          const record = this.#record(batch)
          if (record.offset < this.#from) continue
          records.push(record)
          bytes += record.value.length + (record.key?.length ?? 0)
        }
      } catch (error) {
        this.#damaged(batch.baseOffset, batch.lastOffset, error)
        batch.read = batch.count
      }
      if (batch.read === batch.count) {
        this.#spent.push(batch.bytes)
        this.#batch = undefined
        this.#nextOffset = Math.max(this.#nextOffset, batch.lastOffset + 1)
      } else {
        this.#nextOffset = records.at(-1)!.offset + 1
      }
    }
    // What follows is looked at, so that a caller knows whether there are records left.
    if (this.#batch === undefined) this.#batch = this.#open()
    return { records, nextOffset: this.#nextOffset }
  }

  /** Gives all memory back: what was taken is not read any more, and nothing more is taken. */
  release(): void {
    if (this.#batch !== undefined) this.#spent.push(this.#batch.bytes)
    this.#batch = undefined
    this.#at = this.#bytes.length
    this.#releaseSpent()
    this.#memory.give(this.#bytes)
  }

  #releaseSpent(): void {
    // Those that were not compressed are parts of all.
    for (const bytes of this.#spent) if (bytes.buffer !== this.#bytes.buffer) this.#memory.give(bytes)
    this.#spent = []
  }

  /** Whether all was taken. */
  get isEmpty(): boolean {
    return this.#batch === undefined && !this.#hasBatch()
  }

  #hasBatch(): boolean {
    const left = this.#bytes.length - this.#at
    // The last batch may be cut off where the answer was as long as was asked for.
    return left >= BATCH_HEADER_BYTES && left >= LENGTH_END + this.#bytes.readInt32BE(this.#at + 8)
  }

  /** Opens the next batch of records, and passes over what comes before it. */
  #open(): OpenBatch | undefined {
    while (this.#hasBatch()) {
      const start = this.#at
      const bytes = this.#bytes
      const length = bytes.readInt32BE(start + 8)
      const end = start + LENGTH_END + length
      const baseOffset = Number(bytes.readBigInt64BE(start))
      const lastDelta = bytes.readInt32BE(start + 23)
      const lastOffset = baseOffset + Math.max(0, lastDelta)
      try {
        if (length < BATCH_HEADER_BYTES - LENGTH_END) {
          // Where the next batch begins is not known: it is left for the next fetch.
          this.#at = bytes.length
          throw new Error(`its length is ${length}, less than that of its header`)
        }
        this.#at = end
        if (lastDelta < 0) throw new Error(`its last offset is ${-lastDelta} before its first`)
        if (lastOffset < this.#from) continue
        const attributes = bytes.readInt16BE(start + 21)
        if (this.#isPassedOver(bytes.subarray(start, end), attributes, lastOffset)) {
          this.#nextOffset = lastOffset + 1
          continue
        }
        const magic = bytes.readInt8(start + 16)
        if (magic !== 2) throw new Error(`it is of format ${magic}, not 2`)
        const count = bytes.readInt32BE(start + 57)
        if (count < 0) throw new Error(`it says that it has ${count} records`)
        const maxTimestampMs = Number(bytes.readBigInt64BE(start + 35))
        return {
          bytes: this.#inflater.inflate(attributes, bytes.subarray(start + BATCH_HEADER_BYTES, end)),
          baseOffset,
          lastOffset,
          baseTimestampMs: Number(bytes.readBigInt64BE(start + 27)),
          appendTimestampMs: (attributes & LOG_APPEND_TIME) === 0 ? undefined : maxTimestampMs,
          count,
          read: 0,
          at: 0,
        }
      } catch (error) {
        // At least one offset on, or the next fetch would answer the same.
        const to = Math.max(this.#nextOffset, lastOffset)
        this.#damaged(baseOffset, to, error)
        this.#nextOffset = to + 1
      }
    }
    return undefined
  }

  /** Control batches, and those of transactions that were given up. */
  #isPassedOver(batch: Buffer, attributes: number, lastOffset: number): boolean {
    while (this.#aborted.length > 0 && this.#aborted[0]!.firstOffset <= lastOffset) {
      this.#abortedProducers.add(this.#aborted.shift()!.producerId)
    }
    const producerId = batch.readBigInt64BE(43)
    if ((attributes & CONTROL) !== 0) {
      this.#abortedProducers.delete(producerId)
      return true
    }
    return (attributes & TRANSACTIONAL) !== 0 && this.#abortedProducers.has(producerId)
  }

  #damaged(from: number, to: number, error: unknown): void {
    const { message } = error as Error
    this.#onDamaged(`the records ${from} to ${to} cannot be read and are passed over: ${message}`)
  }

  #record(batch: OpenBatch): StoredRecord {
    const { bytes } = batch
    const length = this.#varint(batch)
    const end = batch.at + length
    if (length < 0 || end > bytes.length) throw new Error('a record is cut off')
    // Attributes, which nothing uses.
    batch.at++
    const timestampDelta = varlong(batch)
    const offset = batch.baseOffset + this.#varint(batch)
    const keyLength = this.#varint(batch)
    const keyAt = batch.at
    batch.at += Math.max(0, keyLength)
    const valueLength = this.#varint(batch)
    const valueAt = batch.at
    batch.at += Math.max(0, valueLength)
    if (batch.at > end) throw new Error('a record is longer than it says')
    const headers = this.#headersOf(batch, end)
    batch.at = end
    batch.read++
    const stored = {
      value: bytes.subarray(valueAt, valueAt + Math.max(0, valueLength)),
      headers,
      offset,
      timestampMs: batch.appendTimestampMs ?? batch.baseTimestampMs + timestampDelta,
    }
    if (keyLength < 0) return stored
    return { key: bytes.toString('utf8', keyAt, keyAt + keyLength), ...stored }
  }

  /** Most records have the headers of the one before them, and then share them. */
  #headersOf(batch: OpenBatch, end: number): Readonly<Record<string, string>> {
    const encoded = batch.bytes.subarray(batch.at, end)
    if (encoded.length === 1) return NO_HEADERS
    if (encoded.equals(this.#headerBytes)) return this.#headers
    const headers: Record<string, string> = {}
    const count = this.#varint(batch)
    for (let i = 0; i < count; i++) {
      const name = this.#text(batch, end)
      const value = this.#text(batch, end)
      if (name !== undefined && value !== undefined) headers[name.toLowerCase()] = value
    }
    this.#headerBytes = Buffer.from(encoded)
    this.#headers = headers
    return headers
  }

  #text(batch: OpenBatch, end: number): string | undefined {
    const length = this.#varint(batch)
    if (length < 0) return undefined
    const from = batch.at
    batch.at += length
    if (batch.at > end) throw new Error('a header is longer than its record')
    return batch.bytes.toString('utf8', from, batch.at)
  }

  #varint(batch: OpenBatch): number {
    const { bytes } = batch
    let value = 0
    let shift = 0
    for (;;) {
      const byte = bytes[batch.at++]
      if (byte === undefined || shift > 28) throw new Error('a number is cut off')
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
      shift += 7
    }
  }
}

/** Of up to 53 bits. */
function varlong(batch: OpenBatch): number {
  let value = 0
  let factor = 1
  for (let i = 0; i < 10; i++) {
    const byte = batch.bytes[batch.at++]
    if (byte === undefined) break
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    factor *= 128
  }
  throw new Error('a time is cut off')
}
