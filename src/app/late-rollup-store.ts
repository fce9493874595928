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
import type { Opening } from './opening.ts'

/** A store that may not be there yet: until it is, it is unavailable. */
export class LateRollupStore implements RollupStore {
  readonly #opening: Opening<RollupStore>

  constructor(opening: Opening<RollupStore>) {
    this.#opening = opening
  }

  async claim(partition: PartitionId): Promise<Claim> {
    return this.#store().claim(partition)
  }

  async commit(commit: Commit): Promise<CommitOutcome> {
    return this.#store().commit(commit)
  }

  async partitions(): Promise<readonly PartitionId[]> {
    return this.#store().partitions()
  }

  async read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined> {
    return this.#store().read(partition, plan)
  }

  close(): Promise<void> {
    return this.#opening.close()
  }

  #store(): RollupStore {
    const { current, reason } = this.#opening
    if (current === undefined) throw new StoreError('STORE_UNAVAILABLE', reason)
    return current
  }
}
