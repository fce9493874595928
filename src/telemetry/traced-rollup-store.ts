import type { PartitionId } from '../log/event-log.ts'
import type {
  BlobRead,
  Claim,
  Commit,
  CommitOutcome,
  PartitionMeta,
  PartitionSnapshot,
  RollupStore,
} from '../store/rollup-store.ts'
import type { FoldTraces } from './fold-traces.ts'
import { inSpan, type SpanOptions, type Tracer } from './tracer.ts'

/**
 * A store whose work can be seen in traces: a commit continues the folds that it writes, and everything else is a span only
 * within one, as a read is within a query. Its spans are internal ones: those of clients would be requests of the mesh to
 * whoever is sent them and takes requests from spans, as meshtap does.
 */
export class TracedRollupStore implements RollupStore {
  readonly #store: RollupStore
  readonly #tracer: Tracer
  readonly #folds: FoldTraces

  constructor(store: RollupStore, tracer: Tracer, folds: FoldTraces) {
    this.#store = store
    this.#tracer = tracer
    this.#folds = folds
  }

  claim(partition: PartitionId): Promise<Claim> {
    return this.#within('claim', partition, () => this.#store.claim(partition))
  }

  commit(commit: Commit): Promise<CommitOutcome> {
    const { partition, epoch, meta, writes } = commit
    const folds = this.#folds.take(partition)
    const { active } = this.#tracer
    if (active === undefined && folds.length === 0) return this.#store.commit(commit)
    const options: SpanOptions = {
      kind: 'internal',
      // One that is due while a batch is folded is that fold's.
      parent: active === undefined ? folds[0] : undefined,
      links: folds,
      attributes: {
        'meshtap.partition': partition,
        'meshtap.epoch': epoch,
        'meshtap.offset': meta.offset,
        'meshtap.blobs': writes.length,
      },
    }
    return inSpan(this.#tracer, `commit ${partition}`, options, async (span) => {
      const outcome = await this.#store.commit(commit)
      if (outcome.kind !== 'committed') span.fail(outcome.kind)
      return outcome
    })
  }

  partitions(): Promise<readonly PartitionId[]> {
    return this.#within('partitions', undefined, () => this.#store.partitions())
  }

  read(
    partition: PartitionId,
    plan: (meta: PartitionMeta) => readonly BlobRead[],
  ): Promise<PartitionSnapshot | undefined> {
    return this.#within('read', partition, () => this.#store.read(partition, plan))
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #within<T>(what: string, partition: PartitionId | undefined, work: () => Promise<T>): Promise<T> {
    if (this.#tracer.active === undefined) return work()
    const attributes = partition === undefined ? {} : { 'meshtap.partition': partition }
    const name = partition === undefined ? what : `${what} ${partition}`
    return inSpan(this.#tracer, name, { kind: 'internal', attributes }, work)
  }
}
