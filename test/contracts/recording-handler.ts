import type { PartitionHandler, PartitionId, RecordBatch, StoredRecord } from '../../src/log/event-log.ts'

/** A subscriber that notes every call, and says what a test wants it to. */
export class RecordingHandler implements PartitionHandler {
  readonly calls: string[] = []
  readonly batches: RecordBatch[] = []
  /** Calls under way by partition, and the most there ever were of one partition. */
  readonly running = new Map<PartitionId, number>()
  mostRunning = 0
  /** Where partitions begin. */
  start: (partition: PartitionId) => number | Promise<number> = () => 0
  /** What a batch is answered with. */
  next: (batch: RecordBatch) => number | Promise<number> = offsetAfter
  #waiting: (() => void)[] = []

  assigned(partition: PartitionId): Promise<number> {
    return this.#call(`assigned ${partition}`, partition, () => this.start(partition))
  }

  records(batch: RecordBatch): Promise<number> {
    this.batches.push(copyOf(batch))
    const offsets = batch.records.map(({ offset }) => offset)
    return this.#call(`records ${batch.partition} ${offsets[0]}-${offsets.at(-1)}`, batch.partition, () =>
      this.next(batch),
    )
  }

  async revoked(partition: PartitionId): Promise<void> {
    await this.#call(`revoked ${partition}`, partition, () => 0)
  }

  /** All records of a partition in the order of their coming. */
  recordsOf(partition: PartitionId): StoredRecord[] {
    return this.batches.filter((batch) => batch.partition === partition).flatMap(({ records }) => records)
  }

  /** Resolves when the condition holds: looked at after every call that begins or ends. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  async #call(name: string, partition: PartitionId, answer: () => number | Promise<number>): Promise<number> {
    const running = (this.running.get(partition) ?? 0) + 1
    this.running.set(partition, running)
    this.mostRunning = Math.max(this.mostRunning, running)
    this.calls.push(name)
    this.#changed()
    try {
      return await answer()
    } finally {
      this.running.set(partition, this.running.get(partition)! - 1)
      this.#changed()
    }
  }

  #changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** What is to outlive the call. */
function copyOf(batch: RecordBatch): RecordBatch {
  return {
    ...batch,
    records: batch.records.map((record) => ({ ...record, value: new Uint8Array(record.value) })),
  }
}

export function offsetAfter({ records }: RecordBatch): number {
  return records.at(-1)!.offset + 1
}
