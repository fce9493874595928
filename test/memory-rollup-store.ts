import type { PartitionId } from '../src/log/event-log.ts'
import type {
  BlobAddress,
  BlobRead,
  Claim,
  Commit,
  CommitOutcome,
  PartitionMeta,
  PartitionSnapshot,
  RollupStore,
  StoredBlob,
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
    return { partition, epoch: state.epoch, meta: state.meta }
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    this.#check()
    const state = this.#partitions.get(commit.partition)
    if (state === undefined) return { kind: 'stale-epoch', epoch: 0 }
    if (commit.epoch !== state.epoch) return { kind: 'stale-epoch', epoch: state.epoch }
    const offset = state.meta?.offset ?? 0
    if (offset !== commit.expectedOffset) return { kind: 'offset-moved', offset }
    state.commits++
    state.meta = commit.meta
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
    const blobs = plan(state.meta).flatMap(({ address, wants }) => {
      const id = bucketId(address)
      if ((state.expiries.get(id) ?? Number.POSITIVE_INFINITY) <= this.#now()) return []
      return [...state.blobs.values()].filter(
        (blob) => bucketId(blob.address) === id && (wants === undefined || wants(blob.scope)),
      )
    })
    return { partition, meta: state.meta, blobs }
  }

  async close(): Promise<void> {}

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

  #check(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
