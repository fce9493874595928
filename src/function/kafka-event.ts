import { type PartitionId, partitionId, type StoredRecord } from '../log/event-log.ts'
import type { BatchReport, PartitionBatch, PartitionFunction } from './partition-function.ts'

/**
 * What AWS Lambda hands a function of a Kafka trigger, as far as it is read:
 * https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html
 */
export interface KafkaEvent {
  /** By `<topic>-<partition>`. */
  readonly records: Readonly<Record<string, readonly KafkaEventRecord[]>>
}

export interface KafkaEventRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Epoch milliseconds. */
  readonly timestamp: number
  /** In base64. */
  readonly key?: string | null
  /** In base64. */
  readonly value?: string | null
  /** Each of one name, with the bytes of its value; of a runtime written in Go, in base64. */
  readonly headers?: readonly Readonly<Record<string, readonly number[] | string>>[]
}

/** The batches of an event, one a partition. Throws a TypeError that names what is not as it should be. */
export function batchesOf(event: KafkaEvent): PartitionBatch[] {
  if (typeof event?.records !== 'object' || event.records === null) {
    throw new TypeError('this is no Kafka event: it has no "records"')
  }
  const batches = new Map<PartitionId, StoredRecord[]>()
  for (const [name, list] of Object.entries(event.records)) {
    for (const [i, record] of list.entries()) {
      const { topic, partition, offset } = record
      if (typeof topic !== 'string' || !Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) {
        throw new TypeError(
          `this is no Kafka event: records["${name}"][${i}] has no topic, partition or offset`,
        )
      }
      const id = partitionId(topic, partition)
      const records = batches.get(id) ?? []
      batches.set(id, records)
      records.push(recordOf(record))
    }
  }
  return [...batches].map(([partition, records]) => ({
    partition,
    records: records.toSorted((a, b) => a.offset - b.offset),
  }))
}

/**
 * Processes an event, each partition by itself. Rejects when all are done with the first failure, after which the whole
 * event is to be given again, as Lambda does: what was committed is skipped.
 */
export async function processKafkaEvent(
  handler: PartitionFunction,
  event: KafkaEvent,
): Promise<readonly BatchReport[]> {
  const results = await Promise.allSettled(batchesOf(event).map((batch) => handler.process(batch)))
  const reports: BatchReport[] = []
  for (const result of results) {
    if (result.status === 'rejected') throw result.reason
    reports.push(result.value)
  }
  return reports
}

function recordOf({ offset, timestamp, key, value, headers = [] }: KafkaEventRecord): StoredRecord {
  const texts: Record<string, string> = {}
  for (const header of headers) {
    for (const [name, bytes] of Object.entries(header)) {
      const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : Buffer.from(bytes)
      texts[name.toLowerCase()] = buffer.toString('utf8')
    }
  }
  return {
    offset,
    timestampMs: timestamp,
    ...(key === undefined || key === null ? {} : { key: Buffer.from(key, 'base64').toString('utf8') }),
    value: Buffer.from(value ?? '', 'base64'),
    headers: texts,
  }
}
