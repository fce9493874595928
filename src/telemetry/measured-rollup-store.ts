import type { PartitionId } from '../log/event-log.ts'
import {
  type BlobRead,
  type Claim,
  type Commit,
  type CommitOutcome,
  type PartitionMeta,
  type PartitionSnapshot,
  type RollupStore,
  StoreError,
} from '../store/rollup-store.ts'

export type StoreOperation = 'claim' | 'commit' | 'partitions' | 'read'

export interface StoreMeasure {
  /** Told of every call, also of one that failed. */
  readonly onCall: (operation: StoreOperation, seconds: number) => void
}

export interface StoreErrorCount {
  readonly operation: StoreOperation
  readonly code: string
  readonly count: number
}

/** A store whose calls are timed and whose failures are counted. */
export class MeasuredRollupStore implements RollupStore {
  readonly #store: RollupStore
  readonly #measure: StoreMeasure
  readonly #errors: Record<StoreOperation, Record<string, number>> = {
    claim: {},
    commit: {},
    partitions: {},
    read: {},
  }

  constructor(store: RollupStore, measure: StoreMeasure) {
    this.#store = store
    this.#measure = measure
  }

  /** Calls that failed. */
  get errors(): readonly StoreErrorCount[] {
    return (Object.keys(this.#errors) as StoreOperation[]).flatMap((operation) =>
      Object.entries(this.#errors[operation]).map(([code, count]) => ({ operation, code, count })),
    )
  }

  claim(partition: PartitionId): Promise<Claim> {
    return this.#measured('claim', () => this.#store.claim(partition))
  }

  commit(commit: Commit): Promise<CommitOutcome> {
    return this.#measured('commit', () => this.#store.commit(commit))
  }

  partitions(): Promise<readonly PartitionId[]> {
    return this.#measured('partitions', () => this.#store.partitions())
  }

  read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined> {
    return this.#measured('read', () => this.#store.read(partition, plan))
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #measured<T>(operation: StoreOperation, call: () => Promise<T>): Promise<T> {
    const startMs = performance.now()
    try {
      return await call()
    } catch (error) {
      const code = error instanceof StoreError ? error.code : 'OTHER'
      const errors = this.#errors[operation]
      errors[code] = (errors[code] ?? 0) + 1
      throw error
    } finally {
      this.#measure.onCall(operation, (performance.now() - startMs) / 1000)
    }
  }
}
