import type { PartitionId } from '../src/log/event-log.ts'
import {
  type BlobAddress,
  type BlobRead,
  type BlobVersion,
  type Claim,
  type Commit,
  type CommitOutcome,
  type PartitionMeta,
  type PartitionSnapshot,
  type RollupStore,
  type StoredBlob,
  StoreError,
} from '../src/store/rollup-store.ts'

interface Partition {
  epoch: number
  meta: PartitionMeta | undefined
  readonly blobs: Map<string, StoredBlob>
  readonly expiries: Map<string, number>
  commits: number
}

function bucketId(address: BlobAddress): string {
  return address.kind === 'total' ? 'total' : `${address.kind}:${address.tier}:${address.startMs}`
}

/** A RollupStore in memory, held to the same contract as the real ones, that can be made to fail or to forget. */
export class MemoryRollupStore implements RollupStore {
  readonly #partitions = new Map<PartitionId, Partition>()
  readonly #now: () => number
  /** Throws before the next calls where set: a store that does not answer. */
  failure: Error | undefined

  constructor(now: () => number = () => 0) {
    this.#now = now
  }

  /** Loses everything, as a server that kept nothing on disk. */
  loseAll(): void {
    this.#partitions.clear()
  }

  async claim(partition: PartitionId): Promise<Claim> {
    this.#check()
    const state = this.#partitions.get(partition) ?? {
      epoch: 0,
      meta: undefined,
      blobs: new Map(),
      expiries: new Map(),
      commits: 0,
    }
    this.#partitions.set(partition, state)
    state.epoch++
    return { partition, epoch: state.epoch, meta: structuredClone(state.meta) }
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    this.#check()
    const state = this.#partitions.get(commit.partition)
    const offset = state?.meta?.offset ?? 0
    // An epoch that was never given is of a time that this store has forgotten.
    if (state === undefined || commit.epoch > state.epoch) return { kind: 'offset-moved', offset }
    if (commit.epoch < state.epoch) return { kind: 'stale-epoch', epoch: state.epoch }
    if (offset !== commit.expectedOffset || state.meta?.stamp !== commit.expectedStamp) {
      return { kind: 'offset-moved', offset }
    }
    state.commits++
    state.meta = structuredClone(commit.meta)
    this.#forget(state)
    for (const { address, scope, blob } of commit.writes) {
      const id = `${bucketId(address)} ${scope}`
      if (blob === undefined) state.blobs.delete(id)
      else state.blobs.set(id, { address, scope, blob: blob.slice(), version: String(state.commits) })
    }
    for (const { address, expiresAtMs } of commit.expiries) {
      state.expiries.set(bucketId(address), expiresAtMs)
    }
    return { kind: 'committed' }
  }

  async partitions(): Promise<readonly PartitionId[]> {
    this.#check()
    return [...this.#partitions.keys()].toSorted()
  }

  async read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined> {
    this.#check()
    const state = this.#partitions.get(partition)
    if (state?.meta === undefined) return undefined
    const known: BlobVersion[] = []
    const blobs = plan(structuredClone(state.meta)).flatMap(({ address, wants, knows }) => {
      const id = bucketId(address)
      if ((state.expiries.get(id) ?? Number.POSITIVE_INFINITY) <= this.#now()) return []
      return [...state.blobs.values()].filter((blob) => {
        if (bucketId(blob.address) !== id || wants?.(blob.scope) === false) return false
        if (knows?.(blob.scope, blob.version) !== true) return true
        known.push({ address, scope: blob.scope, version: blob.version })
        return false
      })
    })
    return { partition, meta: structuredClone(state.meta), blobs, known }
  }

  async close(): Promise<void> {
    this.failure ??= new StoreError('STORE_CLOSED', 'the store is closed')
  }

  /** Another store with the same content: this one after it was closed and opened again. */
  reopened(): MemoryRollupStore {
    const store = new MemoryRollupStore(this.#now)
    store.restore(this.snapshot())
    return store
  }

  /** Takes a copy that `restore` brings back: a replica that is behind. */
  snapshot(): ReadonlyMap<PartitionId, Partition> {
    return new Map(
      [...this.#partitions].map(([id, state]) => [
        id,
        { ...state, blobs: new Map(state.blobs), expiries: new Map(state.expiries) },
      ]),
    )
  }

  restore(snapshot: ReadonlyMap<PartitionId, Partition>): void {
    this.#partitions.clear()
    for (const [id, state] of snapshot) {
      this.#partitions.set(id, { ...state, blobs: new Map(state.blobs), expiries: new Map(state.expiries) })
    }
  }

  /** Drops what has expired: written again, a bucket begins empty. */
  #forget(state: Partition): void {
    for (const [id, expiresAtMs] of state.expiries) {
      if (expiresAtMs > this.#now()) continue
      state.expiries.delete(id)
      for (const key of state.blobs.keys()) if (key.startsWith(`${id} `)) state.blobs.delete(key)
    }
  }

  #check(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
