import { type FileHandle, open, readFile, rm, truncate } from 'node:fs/promises'
import type { NumberedBatch } from '../batch-sink.ts'
import { SpoolError } from './spool-error.ts'
import {
  decodeRecord,
  encodeRecord,
  RECORD_HEAD_BYTES,
  recordLength,
  TAKEN,
  TAKEN_AT,
} from './spool-record.ts'

const MAGIC = Buffer.from('MTSPOOL1')

/** A file of a spool: batches in order, of which the first ones are taken. */
export class SpoolSegment {
  readonly path: string
  /** Bytes of the file that are records, or its beginning. */
  bytes = MAGIC.length
  /** Batches that are not taken, and their events. */
  batches = 0
  events = 0
  /** Nothing may be appended: a write failed, or the file is of a former life. */
  isSealed = false
  /** Where the first batch that is not taken begins. */
  #next = MAGIC.length
  #handle: FileHandle | undefined

  private constructor(path: string) {
    this.path = path
  }

  static async create(path: string): Promise<SpoolSegment> {
    const segment = new SpoolSegment(path)
    segment.#handle = await open(path, 'wx+', 0o600)
    try {
      await segment.#handle.write(MAGIC, 0, MAGIC.length, 0)
      return segment
    } catch (error) {
      await segment.remove()
      throw error
    }
  }

  /**
   * A file of a former life, and how many bytes of it were torn or damaged, which are cut off: what comes after a damaged
   * record cannot be told apart.
   */
  static async recover(path: string): Promise<{ segment: SpoolSegment; tornBytes: number }> {
    const segment = new SpoolSegment(path)
    segment.isSealed = true
    const file = await readFile(path)
    if (!file.subarray(0, MAGIC.length).equals(MAGIC.subarray(0, file.length))) {
      throw new SpoolError('SPOOL_FORMAT', `${path} is no file of a spool of this version: move it away`)
    }
    let at = Math.min(MAGIC.length, file.length)
    for (let record = decodeRecord(file, at); record !== undefined; record = decodeRecord(file, at)) {
      // Batches are taken in order: behind one that is not taken none is.
      if (record.isTaken && segment.batches === 0) segment.#next = at + record.length
      else {
        segment.batches++
        segment.events += record.batch.events
      }
      at += record.length
    }
    segment.bytes = at
    if (at < file.length) await truncate(path, at)
    return { segment, tornBytes: file.length - at }
  }

  /** Appends all of them, or none and seals itself: then the error is thrown. */
  async append(batches: readonly NumberedBatch[], isSynced: boolean): Promise<void> {
    const handle = await this.#open()
    const records = Buffer.concat(batches.map(encodeRecord))
    try {
      for (let done = 0; done < records.length;) {
        const { bytesWritten } = await handle.write(records, done, records.length - done, this.bytes + done)
        done += bytesWritten
      }
      if (isSynced) await handle.datasync()
    } catch (error) {
      this.isSealed = true
      // Where that fails too, the next start finds the record torn, or sends what its number makes a repeat.
      await handle.truncate(this.bytes).catch(() => undefined)
      throw error
    }
    this.bytes += records.length
    this.batches += batches.length
    this.events += batches.reduce((sum, { events }) => sum + events, 0)
  }

  /** The first batch that is not taken; undefined where the file does not hold what was written. */
  async head(): Promise<NumberedBatch | undefined> {
    const handle = await this.#open()
    const head = Buffer.alloc(RECORD_HEAD_BYTES)
    await handle.read(head, 0, head.length, this.#next)
    const length = recordLength(head, 0) ?? 0
    if (this.#next + length > this.bytes) return undefined
    const record = Buffer.alloc(length)
    await handle.read(record, 0, length, this.#next)
    return decodeRecord(record, 0)?.batch
  }

  /** Marks the first batch, which is `batch`, as taken. Where the mark fails a next life sends it again, under its number. */
  async shift(batch: NumberedBatch): Promise<void> {
    const mark = this.#next + TAKEN_AT
    this.#next += RECORD_HEAD_BYTES + Buffer.byteLength(batch.producer) + batch.bytes.length
    this.batches--
    this.events -= batch.events
    const handle = await this.#open().catch(() => undefined)
    await handle?.write(Uint8Array.of(TAKEN), 0, 1, mark).catch(() => undefined)
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  async remove(): Promise<void> {
    await this.close()
    await rm(this.path, { force: true })
  }

  async #open(): Promise<FileHandle> {
    return (this.#handle ??= await open(this.path, 'r+'))
  }
}
