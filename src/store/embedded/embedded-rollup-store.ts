import { type DirectoryLock, lockDataDirectory } from '../../log/embedded/data-directory-lock.ts'
import { pageBytes } from '../../log/embedded/lmdb-database.ts'
import type { PartitionId } from '../../log/event-log.ts'
import {
  type BlobRead,
  type Claim,
  type Commit,
  type CommitOutcome,
  type PartitionMeta,
  type PartitionSnapshot,
  type RollupStore,
  StoreError,
} from '../rollup-store.ts'
import { type FoundBlobs, storeError, StoreFile, type StoreSize } from './store-file.ts'
import { placeOf } from './store-keys.ts'

/** Most expired blobs that one claim or commit deletes. */
const SWEEP_STEP = 256

export interface EmbeddedRollupStoreOptions {
  /** A directory for the store alone. Made where there is none. */
  readonly path: string
  /** Of the file, which never shrinks. Commits that would let it grow further are rejected with STORE_FULL. */
  readonly maxBytes?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
}

export interface EmbeddedStoreStats extends StoreSize {
  readonly commits: number
  readonly refusedCommits: number
  readonly writtenBlobs: number
  readonly writtenBytes: number
  /** Deleted because they expired. */
  readonly sweptBlobs: number
}

/**
 * A `RollupStore` in a file of this machine, for one process, which locks it.
 *
 * A claim or commit is one transaction (several under way may share one), and is durable when it resolves: it survives
 * `kill -9`, a crash of the system and the loss of power, as far as the disk does what it says. A read is of one state
 * and waits for no writer. What expired is not seen any more and is deleted step by step by later claims and commits.
 */
export class EmbeddedRollupStore implements RollupStore {
  readonly #lock: DirectoryLock
  readonly #file: StoreFile
  readonly #maxBytes: number
  readonly #now: () => number
  /** Claims and commits under way. */
  readonly #writes = new Set<Promise<unknown>>()
  #closing: Promise<void> | undefined
  #stats = { commits: 0, refusedCommits: 0, writtenBlobs: 0, writtenBytes: 0, sweptBlobs: 0 }

  private constructor(lock: DirectoryLock, file: StoreFile, maxBytes: number, now: () => number) {
    this.#lock = lock
    this.#file = file
    this.#maxBytes = maxBytes
    this.#now = now
  }

  /**
   * Opens or makes a store. Rejects with a StoreError: STORE_FORMAT, STORE_UNAVAILABLE; or with a DirectoryLockedError
   * when another process has it open.
   */
  static async open(options: EmbeddedRollupStoreOptions): Promise<EmbeddedRollupStore> {
    const { path, maxBytes = 8 * 2 ** 30, now = Date.now } = options
    if (!(maxBytes > 0)) throw new RangeError(`maxBytes must be positive, not ${maxBytes}`)
    const lock = await lockDataDirectory(path).catch(async (error: unknown) => {
      throw await storeError(`cannot open the rollup store ${path}`, error)
    })
    try {
      return new EmbeddedRollupStore(lock, await StoreFile.open(path, maxBytes), maxBytes, now)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /** What the file may grow to. */
  get maxBytes(): number {
    return this.#maxBytes
  }

  get stats(): EmbeddedStoreStats {
    return { ...this.#stats, ...this.#file.size }
  }

  async claim(partition: PartitionId): Promise<Claim> {
    this.#checkOpen()
    return this.#untilClosed(this.#claim(partition))
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    this.#checkOpen()
    return this.#untilClosed(this.#commit(commit))
  }

  async partitions(): Promise<readonly PartitionId[]> {
    this.#checkOpen()
    return this.#reading(() => this.#file.names())
  }

  async read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined> {
    this.#checkOpen()
    const number = await this.#reading(() => this.#file.number(partition))
    if (number === undefined) return undefined
    const nowMs = this.#now()
    return this.#reading(() =>
      this.#file.read((state) => {
        const meta = this.#file.record(number, state)?.meta
        if (meta === undefined) return undefined
        const found: FoundBlobs = { blobs: [], known: [] }
        for (const read of plan(meta)) this.#file.blobs(number, read, nowMs, state, found)
        return { partition, meta, ...found }
      }),
    )
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    while (this.#writes.size > 0) await Promise.allSettled(this.#writes)
    await this.#file.close()
    await this.#lock.release()
  }

  async #claim(partition: PartitionId): Promise<Claim> {
    const { number, swept, epoch, meta } = await this.#file.write(0, () => {
      const number = this.#file.number(partition) ?? this.#file.addPartition(partition)
      const record = this.#file.record(number) ?? { epoch: 0, sequence: 0, meta: undefined }
      const claimed = { ...record, epoch: record.epoch + 1 }
      this.#file.putRecord(number, claimed)
      return { number, swept: this.#file.sweep(this.#now(), SWEEP_STEP), ...claimed }
    })
    this.#file.learn(partition, number)
    this.#stats.sweptBlobs += swept
    return { partition, epoch, meta }
  }

  async #commit(commit: Commit): Promise<CommitOutcome> {
    const added = commit.writes.reduce((sum, { blob }) => sum + pageBytes(blob?.length ?? 0), 0)
    await this.#makeRoom(added)
    const { outcome, swept } = await this.#file.write(added, () => this.#apply(commit))
    if (outcome.kind === 'committed') {
      this.#stats.commits++
      this.#stats.sweptBlobs += swept
      this.#stats.writtenBlobs += commit.writes.length
      this.#stats.writtenBytes += commit.writes.reduce((sum, { blob }) => sum + (blob?.length ?? 0), 0)
    } else {
      this.#stats.refusedCommits++
    }
    return outcome
  }

  /** Within a transaction: checks everything, then changes everything. Answers also how many blobs had expired. */
  #apply(commit: Commit): { readonly outcome: CommitOutcome; readonly swept: number } {
    const { partition, epoch, expectedOffset, expectedStamp, meta, writes, expiries } = commit
    const number = this.#file.number(partition)
    const record = number === undefined ? undefined : this.#file.record(number)
    const offset = record?.meta?.offset ?? 0
    if (record !== undefined && record.epoch > epoch) {
      return { outcome: { kind: 'stale-epoch', epoch: record.epoch }, swept: 0 }
    }
    // An epoch that was never given out is of a store that has been lost since.
    const isElsewhere = offset !== expectedOffset || record?.meta?.stamp !== expectedStamp
    if (number === undefined || record === undefined || record.epoch < epoch || isElsewhere) {
      return { outcome: { kind: 'offset-moved', offset }, swept: 0 }
    }
    const nowMs = this.#now()
    const sequence = record.sequence + 1
    const written = writes.map((write) => ({ ...write, place: placeOf(number, write.address) }))
    const expiring = expiries.map((expiry) => ({ ...expiry, place: placeOf(number, expiry.address) }))
    const removed = this.#removeExpired([...written, ...expiring], nowMs)
    for (const { place, scope, blob } of written) {
      if (blob === undefined) this.#file.removeBlob(place, scope)
      else this.#file.putBlob(place, scope, blob, sequence)
    }
    for (const { place, expiresAtMs } of expiring) this.#file.putExpiry(place, expiresAtMs)
    this.#file.putRecord(number, { epoch, sequence, meta })
    return { outcome: { kind: 'committed' }, swept: removed + this.#file.sweep(nowMs, SWEEP_STEP) }
  }

  /** Deletes what expired of the buckets that are written again, so that it does not come back with a new expiry. */
  #removeExpired(touched: readonly { readonly place: Buffer }[], nowMs: number): number {
    const places = new Map(touched.map(({ place }) => [place.toString('latin1'), place]))
    let removed = 0
    for (const place of places.values()) {
      const expiresAtMs = this.#file.expiry(place)
      if (expiresAtMs !== undefined && expiresAtMs <= nowMs) removed += this.#file.removeBucket(place)
    }
    return removed
  }

  /** Rejects with STORE_FULL where the file would outgrow its limit and no expired blob is left to make room. */
  async #makeRoom(added: number): Promise<void> {
    // Pages are written anew before the old ones are free.
    const needed = 2 * added + 2 ** 18
    for (let swept = SWEEP_STEP; ;) {
      const { usedBytes, extentBytes } = this.#file.size
      if (extentBytes + needed <= this.#maxBytes || extentBytes - usedBytes >= needed) return
      if (swept < SWEEP_STEP) {
        const message = `cannot write to the rollup store ${this.#file.path}: it holds ${usedBytes} bytes in a file of ${extentBytes}, which may have ${this.#maxBytes}`
        throw new StoreError('STORE_FULL', message)
      }
      swept = await this.#file.write(0, () => this.#file.sweep(this.#now(), SWEEP_STEP))
      this.#stats.sweptBlobs += swept
    }
  }

  /** What `close` waits for. */
  async #untilClosed<T>(write: Promise<T>): Promise<T> {
    this.#writes.add(write)
    try {
      return await write
    } finally {
      this.#writes.delete(write)
    }
  }

  async #reading<T>(look: () => T): Promise<T> {
    try {
      return look()
    } catch (error) {
      throw await storeError(`cannot read the rollup store ${this.#file.path}`, error)
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) {
      throw new StoreError('STORE_CLOSED', `the rollup store ${this.#file.path} is closed`)
    }
  }
}
