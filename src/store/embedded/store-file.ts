import { join } from 'node:path'
import { getLastVersion } from 'lmdb'
import { FileGrowth } from '../../log/embedded/file-growth.ts'
import {
  DATA_FILE,
  type LmdbDatabase,
  lmdbFailure,
  type LmdbSize,
  lmdbSize,
  openLmdb,
} from '../../log/embedded/lmdb-database.ts'
import type { PartitionId } from '../../log/event-log.ts'
import { type BlobRead, type BlobVersion, StoreError, type StoredBlob } from '../rollup-store.ts'
import { decodePartitionRecord, encodePartitionRecord, type PartitionRecord } from './partition-record.ts'
import {
  blobKey,
  blobOf,
  blobRange,
  dueKey,
  dueRange,
  expiryKey,
  FORMAT_KEY,
  nameKey,
  nameOfKey,
  NAMES_FROM,
  NAMES_TO,
  placeOf,
  placeOfDueKey,
  recordKey,
  scopeOfKey,
} from './store-keys.ts'

/** Of the file's layout; raised when a version of meshtap cannot read what an earlier one wrote. */
const FORMAT = 1

/** Room for the pages of the tree that a transaction changes, beside those of its values. */
const ROOM = 2 ** 19

export interface StoreSize extends LmdbSize {
  readonly fileBytes: number
}

type Transaction = ReturnType<LmdbDatabase['useReadTransaction']>

/** What is read of blobs. */
export interface FoundBlobs {
  readonly blobs: StoredBlob[]
  readonly known: BlobVersion[]
}

/** The store's database, in its own terms. Changes belong into `write`, reads of one state into `read`. */
export class StoreFile {
  readonly path: string
  readonly #database: LmdbDatabase
  readonly #growth: FileGrowth
  /** After the last transaction. */
  #size: LmdbSize
  /** Of all transactions under way. */
  #adding = 0
  /** Partitions' numbers. They never change. */
  readonly #numbers = new Map<PartitionId, number>()

  private constructor(path: string, database: LmdbDatabase, growth: FileGrowth) {
    this.path = path
    this.#database = database
    this.#growth = growth
    this.#size = lmdbSize(database)
  }

  static async open(path: string, mapBytes: number): Promise<StoreFile> {
    try {
      const database = openLmdb(path, { mapBytes, versions: true })
      const file = new StoreFile(path, database, await FileGrowth.open(join(path, DATA_FILE)))
      try {
        await file.#checkFormat()
      } catch (error) {
        await file.close()
        throw error
      }
      return file
    } catch (error) {
      throw await storeError(`cannot open the rollup store ${path}`, error)
    }
  }

  async #checkFormat(): Promise<void> {
    const stored = this.#database.get(FORMAT_KEY)
    if (stored === undefined) {
      await this.write(0, () => this.#put(FORMAT_KEY, Buffer.from(JSON.stringify({ rollups: FORMAT }))))
      return
    }
    const { rollups } = JSON.parse(Buffer.from(stored).toString()) as { rollups?: number }
    if (rollups === FORMAT) return
    const message = `cannot open the rollup store ${this.path}: it has format ${rollups}, this version reads ${FORMAT}`
    throw new StoreError('STORE_FORMAT', message)
  }

  /**
   * Runs `change`, which adds values that take up to `added` bytes of pages, in a transaction of its own or shared with
   * others. Resolves when it is durable.
   */
  async write<T>(added: number, change: () => T): Promise<T> {
    this.#adding += added
    try {
      // Deleting may use what adding must leave, for it makes room.
      await this.#growth.growTo(this.#size.extentBytes + (added === 0 ? ROOM : 4 * ROOM) + 2 * this.#adding)
      const result = await this.#database.transaction(change)
      this.#size = lmdbSize(this.#database)
      return result
    } catch (error) {
      throw await storeError(`cannot write to the rollup store ${this.path}`, error)
    } finally {
      this.#adding -= added
    }
  }

  /** Runs `look` on one state of the store, of which it is given the handle. */
  read<T>(look: (state: Transaction) => T): T {
    const state = this.#database.useReadTransaction()
    try {
      return look(state)
    } finally {
      state.done()
    }
  }

  get size(): StoreSize {
    return { ...this.#size, fileBytes: this.#growth.bytes }
  }

  async close(): Promise<void> {
    await this.#database.close()
    await this.#growth.close()
  }

  names(): PartitionId[] {
    return [...this.#database.getKeys({ start: NAMES_FROM, end: NAMES_TO })].map(
      (key) => nameOfKey(key) as PartitionId,
    )
  }

  number(partition: PartitionId): number | undefined {
    const known = this.#numbers.get(partition)
    if (known !== undefined) return known
    const value = this.#database.get(nameKey(partition))
    return value === undefined ? undefined : Buffer.from(value).readUInt32BE(0)
  }

  /** Keeps a number in mind that is durable. */
  learn(partition: PartitionId, number: number): void {
    this.#numbers.set(partition, number)
  }

  addPartition(partition: PartitionId): number {
    const number = this.names().length
    const value = Buffer.alloc(4)
    value.writeUInt32BE(number)
    this.#put(nameKey(partition), value)
    return number
  }

  record(partition: number, state?: Transaction): PartitionRecord | undefined {
    const value = this.#database.get(recordKey(partition), ...within(state))
    return value === undefined ? undefined : decodePartitionRecord(value)
  }

  putRecord(partition: number, record: PartitionRecord): void {
    this.#put(recordKey(partition), encodePartitionRecord(record))
  }

  putBlob(place: Buffer, scope: string, blob: Uint8Array, version: number): void {
    const { key, head } = blobKey(place, scope)
    this.#put(key, head.length === 0 ? blob : Buffer.concat([head, blob]), version)
  }

  removeBlob(place: Buffer, scope: string): void {
    void this.#database.remove(blobKey(place, scope).key)
  }

  expiry(place: Buffer, state?: Transaction): number | undefined {
    const value = this.#database.get(expiryKey(place), ...within(state))
    return value === undefined ? undefined : Buffer.from(value).readDoubleBE(0)
  }

  putExpiry(place: Buffer, expiresAtMs: number): void {
    const before = this.expiry(place)
    if (before === expiresAtMs) return
    if (before !== undefined) void this.#database.remove(dueKey(before, place))
    const value = Buffer.alloc(8)
    value.writeDoubleBE(expiresAtMs)
    this.#put(expiryKey(place), value)
    this.#put(dueKey(expiresAtMs, place), Buffer.of(1))
  }

  /** Deletes what expired, at most `limit` blobs of it; answers how many. */
  sweep(nowMs: number, limit: number): number {
    // Read to the end first: deleting moves what a cursor stands on.
    const due = [...this.#database.getKeys({ ...dueRange(nowMs), limit })]
    let removed = 0
    for (const key of due) {
      removed += this.removeBucket(placeOfDueKey(key), limit - removed)
      if (removed === limit) break
    }
    return removed
  }

  /** Deletes a place's blobs, at most `limit`, and its expiry when none is left; answers how many. */
  removeBucket(place: Buffer, limit = Number.MAX_SAFE_INTEGER): number {
    const keys = [...this.#database.getKeys({ ...blobRange(place), limit })]
    for (const key of keys) void this.#database.remove(key)
    if (keys.length < limit) {
      const expiresAtMs = this.expiry(place)
      if (expiresAtMs !== undefined) void this.#database.remove(dueKey(expiresAtMs, place))
      void this.#database.remove(expiryKey(place))
    }
    return keys.length
  }

  /** The blobs of an address: those that the reader knows by their versions only, into `found.known`. */
  blobs(partition: number, read: BlobRead, nowMs: number, state: Transaction, found: FoundBlobs): void {
    const { address, wants, knows } = read
    const place = placeOf(partition, address)
    const expiresAtMs = address.kind === 'total' ? undefined : this.expiry(place, state)
    if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return
    for (const key of this.#database.getKeys({ ...blobRange(place), transaction: state })) {
      const inKey = scopeOfKey(key)
      if (inKey !== undefined && wants?.(inKey) === false) continue
      const buffer = this.#peek(key, state)
      const version = String(getLastVersion())
      if (inKey !== undefined && knows?.(inKey, version) === true) {
        found.known.push({ address, scope: inKey, version })
        continue
      }
      // The buffer's memory is longer than the value, and the next call overwrites it.
      const { scope, blob } = blobOf(key, buffer.subarray(0, buffer.length))
      if (inKey === undefined && wants?.(scope) === false) continue
      if (inKey === undefined && knows?.(scope, version) === true)
        found.known.push({ address, scope, version })
      else found.blobs.push({ address, scope, blob: new Uint8Array(blob), version })
    }
  }

  /** The value of a key that is there, in a buffer that every call shares: its `length` is the value's. */
  #peek(key: Uint8Array, state: Transaction): Buffer {
    // lmdb-js takes the transaction here as `get` does; its types do not say so.
    const database = this.#database as { getBinaryFast(key: Uint8Array, options: object): Buffer | undefined }
    const buffer = database.getBinaryFast(key, { transaction: state })
    if (buffer === undefined) throw new Error('BUG: a key of a state has no entry in it')
    return buffer
  }

  #put(key: Buffer, value: Uint8Array, version = 0): void {
    void this.#database.put(key, value, version)
  }
}

function within(state: Transaction | undefined): [] | [{ readonly transaction: Transaction }] {
  return state === undefined ? [] : [{ transaction: state }]
}

/** A StoreError of what LMDB reports; any other error as it is. */
export async function storeError(what: string, error: unknown): Promise<unknown> {
  const failure = await lmdbFailure(error)
  if (failure === undefined) return error
  const { kind, reason, cause } = failure
  const code = kind === 'full' ? 'STORE_FULL' : kind === 'corrupt' ? 'STORE_FORMAT' : 'STORE_UNAVAILABLE'
  return new StoreError(code, `${what}: ${reason}`, { cause })
}
