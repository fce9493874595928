import type { PartitionId, RecordBatch, StoredRecord } from '../log/event-log.ts'

export interface PlacedRecord {
  readonly partition: PartitionId
  readonly record: StoredRecord
}

interface Head {
  readonly partition: PartitionId
  readonly batches: AsyncIterator<RecordBatch>
  records: readonly StoredRecord[]
  at: number
}

/**
 * Merges partitions by the time that the log took their records: the order of each partition is kept, and so that of each
 * proxy. Holds one batch a partition.
 */
export async function* mergedRecords(
  sources: readonly { readonly partition: PartitionId; readonly batches: AsyncIterable<RecordBatch> }[],
): AsyncGenerator<PlacedRecord> {
  const all = sources.map(({ partition, batches }): Head => ({
    partition,
    batches: batches[Symbol.asyncIterator](),
    records: [],
    at: 0,
  }))
  try {
    const isThere = await Promise.all(all.map(refill))
    const heads = all.filter((_, i) => isThere[i])
    while (heads.length > 0) {
      const first = heads.reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a))
      const untilMs = Math.min(...heads.filter((head) => head !== first).map(timeOf))
      do {
        yield { partition: first.partition, record: first.records[first.at++]! }
      } while (first.at < first.records.length && timeOf(first) <= untilMs)
      if (first.at === first.records.length && !(await refill(first))) heads.splice(heads.indexOf(first), 1)
    }
  } finally {
    await Promise.all(all.map(async ({ batches }) => batches.return?.()))
  }
}

async function refill(head: Head): Promise<boolean> {
  const next = await head.batches.next()
  if (next.done === true) return false
  head.records = next.value.records
  head.at = 0
  return true
}

function timeOf({ records, at }: Head): number {
  return records[at]!.timestampMs
}
