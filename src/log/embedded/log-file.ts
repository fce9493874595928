import { join } from 'node:path'
import { LogError } from '../event-log.ts'
import { FileGrowth } from './file-growth.ts'
import {
  DATA_FILE,
  type LmdbDatabase,
  lmdbFailure,
  type LmdbSize,
  lmdbSize,
  openLmdb,
  pageBytes,
} from './lmdb-database.ts'
import {
  type ChunkKey,
  chunkKey,
  chunkOfKey,
  chunksFrom,
  chunksTo,
  endKey,
  FORMAT_KEY,
  type PartitionRef,
  readUint64,
  topicKey,
  topicOfKey,
  TOPICS_FROM,
  TOPICS_TO,
  writeUint64,
} from './log-keys.ts'
import type { PartitionEnd, TopicRecord } from './log-partition.ts'

/** Of the file's layout; raised when a version of meshtap cannot read what an earlier one wrote. */
const FORMAT = 1

/** Room for the pages of the tree that a transaction changes, beside those of its values. */
const ROOM = 2 ** 19

export interface LogSize extends LmdbSize {
  readonly fileBytes: number
}

/** All that one transaction changes. */
export interface LogChange {
  readonly topics: readonly TopicRecord[]
  readonly ends: readonly { readonly ref: PartitionRef; readonly end: PartitionEnd }[]
  readonly chunks: readonly { readonly ref: PartitionRef; readonly key: ChunkKey; readonly value: Buffer }[]
  readonly removals: readonly { readonly ref: PartitionRef; readonly key: ChunkKey }[]
}

/** The log's database, in its own terms. Reads are of the newest committed state. */
export class LogFile {
  readonly path: string
  readonly #database: LmdbDatabase
  readonly #growth: FileGrowth
  /** After the last transaction. */
  #size: LmdbSize

  private constructor(path: string, database: LmdbDatabase, growth: FileGrowth) {
    this.path = path
    this.#database = database
    this.#growth = growth
    this.#size = lmdbSize(database)
  }

  static async open(path: string, mapBytes: number): Promise<LogFile> {
    try {
      const database = openLmdb(path, { mapBytes, versions: false })
      const file = new LogFile(path, database, await FileGrowth.open(join(path, DATA_FILE)))
      try {
        await file.#checkFormat()
      } catch (error) {
        await file.close()
        throw error
      }
      return file
    } catch (error) {
      throw await logError(`cannot open the log ${path}`, error)
    }
  }

  async #checkFormat(): Promise<void> {
    const stored = this.#database.get(FORMAT_KEY)
    if (stored === undefined) {
      await this.#transact(ROOM, () => void this.#database.put(FORMAT_KEY, encodeJson({ log: FORMAT })))
      return
    }
    const { log } = decodeJson(stored) as { log?: number }
    if (log === FORMAT) return
    const message = `cannot open the log ${this.path}: it has format ${log}, this version reads ${FORMAT}`
    throw new LogError('LOG_FORMAT', message)
  }

  topics(): TopicRecord[] {
    return [...this.#database.getRange({ start: TOPICS_FROM, end: TOPICS_TO })].map(({ key, value }) => ({
      name: topicOfKey(key),
      ...(decodeJson(value) as Omit<TopicRecord, 'name'>),
    }))
  }

  end(ref: PartitionRef): PartitionEnd {
    const value = this.#database.get(endKey(ref))
    if (value === undefined) return { endOffset: 0, timestampMs: 0 }
    const bytes = Buffer.from(value)
    return { endOffset: readUint64(bytes, 0), timestampMs: readUint64(bytes, 8) }
  }

  /** The first chunks that begin at or after `offset`. */
  chunkKeys(ref: PartitionRef, offset: number, limit: number): ChunkKey[] {
    const range = { start: chunksFrom(ref, offset), end: chunksTo(ref), limit }
    return [...this.#database.getKeys(range)].map(chunkOfKey)
  }

  /** The last chunk that begins at or before `offset`. */
  chunkKeyAt(ref: PartitionRef, offset: number): ChunkKey | undefined {
    const range = { start: chunksTo(ref, offset + 1), end: chunksFrom(ref, 0), reverse: true, limit: 1 }
    for (const key of this.#database.getKeys(range)) return chunkOfKey(key)
    return undefined
  }

  /** Chunks that begin at or after `offset`, of one state of the file, as long as they are read without a pause. */
  *chunks(
    ref: PartitionRef,
    offset: number,
  ): Iterable<{ readonly key: ChunkKey; readonly value: Uint8Array }> {
    for (const { key, value } of this.#database.getRange({
      start: chunksFrom(ref, offset),
      end: chunksTo(ref),
    })) {
      yield { key: chunkOfKey(key), value }
    }
  }

  get size(): LogSize {
    return { ...this.#size, fileBytes: this.#growth.bytes }
  }

  /** Resolves when all of the change is durable. Where it rejects, all of it may be there or nothing. */
  async write({ topics, ends, chunks, removals }: LogChange): Promise<void> {
    const added = chunks.reduce((sum, { key }) => sum + pageBytes(key.bytes), 0)
    // Deleting may use what adding must leave, for it makes room.
    const room = added === 0 ? ROOM : 4 * ROOM + 2 * added
    await this.#transact(room, () => {
      for (const { name, ...rest } of topics) void this.#database.put(topicKey(name), encodeJson(rest))
      for (const { ref, key, value } of chunks) void this.#database.put(chunkKey(ref, key), value)
      for (const { ref, end } of ends) void this.#database.put(endKey(ref), encodeEnd(end))
      for (const { ref, key } of removals) void this.#database.remove(chunkKey(ref, key))
    })
  }

  async close(): Promise<void> {
    await this.#database.close()
    await this.#growth.close()
  }

  /** `room` is what the transaction may add to the file at most. */
  async #transact(room: number, change: () => void): Promise<void> {
    try {
      await this.#growth.growTo(this.#size.extentBytes + room)
      await this.#database.batch(change)
      this.#size = lmdbSize(this.#database)
    } catch (error) {
      throw await logError(`cannot write to the log ${this.path}`, error)
    }
  }
}

/** A LogError of what LMDB reports; any other error as it is. */
export async function logError(what: string, error: unknown): Promise<unknown> {
  const failure = await lmdbFailure(error)
  if (failure === undefined) return error
  const { kind, reason, cause } = failure
  const code = kind === 'full' ? 'LOG_FULL' : kind === 'corrupt' ? 'LOG_CORRUPT' : 'LOG_UNAVAILABLE'
  return new LogError(code, `${what}: ${reason}`, { cause })
}

function encodeEnd({ endOffset, timestampMs }: PartitionEnd): Buffer {
  const value = Buffer.allocUnsafeSlow(16)
  writeUint64(value, endOffset, 0)
  writeUint64(value, timestampMs, 8)
  return value
}

function encodeJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}

function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString())
}
