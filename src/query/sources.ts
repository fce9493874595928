import { DecodeError } from '../event/decode-error.ts'
import type { PartitionId } from '../log/event-log.ts'
import {
  type BlobRead,
  type PartitionMeta,
  type PartitionSnapshot,
  StoreError,
} from '../store/rollup-store.ts'
import type { ReadableStore } from './view.ts'

/** Where rollups are read from: one cluster's or peer's store, by the name that answers call it. */
export interface Source {
  readonly name: string
  readonly store: ReadableStore
}

/** A source whose data an answer lacks, and why. */
export interface SourceFault {
  readonly source: string
  readonly reason: string
}

/** What is known of the sources before anything of them is read. */
export interface Survey {
  readonly sources: readonly { readonly source: Source; readonly partitions: readonly PartitionId[] }[]
  readonly faults: readonly SourceFault[]
  /** The latest and the earliest of the partitions' watermarks; undefined where nothing was ever folded. */
  readonly newestMs: number | undefined
  readonly oldestMs: number | undefined
}

/** What to read of a partition of a source, in the state that `meta` is of. */
export type Plan = (meta: PartitionMeta, source: string, partition: PartitionId) => readonly BlobRead[]

/**
 * Asks every source for its partitions and how far they are.
 *
 * A source that fails is named among the faults; where all fail, rejects with the first one's `StoreError`.
 */
export async function survey(sources: readonly Source[]): Promise<Survey> {
  const found = await settle(sources, async (source) => {
    const partitions = await source.store.partitions()
    const snapshots = await readPartitions({ source, partitions }, () => [])
    return { source, partitions, snapshots }
  })
  const watermarks = found.values
    .flatMap(({ snapshots }) => snapshots.map(({ meta }) => meta.watermarkMs))
    .filter((watermarkMs) => watermarkMs > 0)
  return {
    sources: found.values,
    faults: found.faults,
    newestMs: watermarks.length === 0 ? undefined : watermarks.reduce((a, b) => Math.max(a, b)),
    oldestMs: watermarks.length === 0 ? undefined : watermarks.reduce((a, b) => Math.min(a, b)),
  }
}

/**
 * Reads what `plan` names from every partition of a survey's sources, and decodes it source by source: what cannot be
 * decoded makes its source a fault. Fails as `survey` does.
 */
export async function readSources<T>(
  survey: Survey,
  plan: Plan,
  decode: (source: string, partitions: readonly PartitionSnapshot[]) => T,
): Promise<{ readonly values: readonly T[]; readonly faults: readonly SourceFault[] }> {
  const read = await settle(
    survey.sources.map(({ source, partitions }) => ({ name: source.name, source, partitions })),
    async (entry) => {
      const partitions = await readPartitions(entry, plan)
      try {
        return decode(entry.name, partitions)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
        throw new StoreError('STORE_FORMAT', `cannot read a rollup: ${error.message}`, { cause: error })
      }
    },
  )
  return { values: read.values, faults: [...survey.faults, ...read.faults] }
}

async function readPartitions(
  { source, partitions }: { readonly source: Source; readonly partitions: readonly PartitionId[] },
  plan: Plan,
): Promise<PartitionSnapshot[]> {
  const snapshots = await Promise.all(
    partitions.map((partition) => source.store.read(partition, (meta) => plan(meta, source.name, partition))),
  )
  return snapshots.filter((snapshot) => snapshot !== undefined)
}

async function settle<S extends { readonly name: string }, T>(
  sources: readonly S[],
  ask: (source: S) => Promise<T>,
): Promise<{ readonly values: readonly T[]; readonly faults: readonly SourceFault[] }> {
  const values: T[] = []
  const faults: SourceFault[] = []
  let first: StoreError | undefined
  const results = await Promise.allSettled(sources.map(ask))
  results.forEach((result, i) => {
    if (result.status === 'fulfilled') {
      values.push(result.value)
      return
    }
    // Only what a store announces is a missing source; anything else is a fault of ours and must not look like one.
    if (!(result.reason instanceof StoreError)) throw result.reason
    first ??= result.reason
    faults.push({ source: sources[i]!.name, reason: result.reason.message })
  })
  if (first !== undefined && values.length === 0) throw first
  return { values, faults }
}
