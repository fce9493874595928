import type { PartitionId, StoredRecord } from '../log/event-log.ts'
import { parseTraceparent, TRACEPARENT } from './traceparent.ts'

/** Most spans that one is linked to. A batch may have as many producers as records. */
export const MAX_LINKS = 32

/** The sampled contexts of records, each once, the first `MAX_LINKS` of them. */
export function contextsOf(records: readonly StoredRecord[]): readonly string[] {
  const found = new Set<string>()
  for (const { headers } of records) {
    const traceparent = headers[TRACEPARENT]
    if (traceparent === undefined || found.has(traceparent)) continue
    if (parseTraceparent(traceparent)?.isSampled !== true) continue
    found.add(traceparent)
    if (found.size === MAX_LINKS) break
  }
  return [...found]
}

/** What was folded of each partition since its last commit, as spans: what a commit goes back to. */
export class FoldTraces {
  readonly #folds = new Map<PartitionId, string[]>()

  /** Keeps the first `MAX_LINKS` of a partition. */
  add(partition: PartitionId, traceparent: string): void {
    const folds = this.#folds.get(partition)
    if (folds === undefined) this.#folds.set(partition, [traceparent])
    else if (folds.length < MAX_LINKS) folds.push(traceparent)
  }

  /** What was added since the last call. */
  take(partition: PartitionId): readonly string[] {
    const folds = this.#folds.get(partition) ?? []
    this.#folds.delete(partition)
    return folds
  }
}
