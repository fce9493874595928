import type { PartitionId } from '../log/event-log.ts'

/**
 * Up to where a worker has shown its partitions to whoever looks on. What it folds anew, because the store went back to an
 * older state or a commit was refused, is not shown again. Has as many entries as partitions were ever assigned here.
 */
export class ObservedOffsets {
  /** By partition, the offset after the last record shown. */
  readonly #next = new Map<PartitionId, number>()

  /** Shows a record that was not shown yet. One that fails to be is shown again. */
  show(partition: PartitionId, offset: number, show: () => void): void {
    if (offset < (this.#next.get(partition) ?? 0)) return
    show()
    this.#next.set(partition, offset + 1)
  }

  /** Begins anew where the log ends before what was shown of it: it is another one, under the same name. */
  keepWithin(partition: PartitionId, endOffset: number): void {
    if (endOffset < (this.#next.get(partition) ?? 0)) this.#next.delete(partition)
  }
}
