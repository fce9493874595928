import { setTimeout as sleep } from 'node:timers/promises'
import type { PartitionId, RecordBatch } from '../event-log.ts'
import type { Brokers } from './brokers.ts'
import { type FetchedPartition, fetchRequest } from './fetch-request.ts'
import { BrokerError, CODE, codeOf, isPassing, logError } from './kafka-error.ts'
import { EARLIEST, LATEST, listOffset } from './list-offsets.ts'
import { RecordSet } from './record-decoder.ts'
import { ReusableMemory } from './reusable-memory.ts'
import type { OnTrouble } from './trouble.ts'

/** Connections of its own, so that it does not wait behind what waits for records. */
const PURPOSE = 'read'
/** Who reads keeps what he wants of it. */
const UNUSED_AGAIN = new ReusableMemory(0)
const BATCH_RECORDS = 4096
const BATCH_BYTES = 4 * 2 ** 20
const FETCH_BYTES = 4 * 2 ** 20
const WAIT_MS = 100
const ANSWER_MS = 10_000
/** For how long, and how often, what may pass is tried again. */
const TRYING_MS = 5_000
const RETRY_MS = 100

export interface OffsetRange {
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/** The offsets of what a partition holds now that was taken at or after a time; undefined where there is no such partition. */
export async function rangeSince(
  brokers: Brokers,
  id: PartitionId,
  sinceMs: number,
): Promise<OffsetRange | undefined> {
  const { topic, partition } = partsOf(id)
  return trying(`cannot read ${id}`, async () => {
    if (brokers.leader(topic, partition) === undefined) {
      const [found] = await brokers.topics([topic])
      if (found === undefined || partition >= found.partitions.length) return undefined
    }
    try {
      const of = { topic, partition }
      const since = sinceMs <= 0 ? EARLIEST : Math.ceil(sinceMs)
      const [to, from] = await Promise.all([
        listOffset(brokers, PURPOSE, of, LATEST),
        listOffset(brokers, PURPOSE, of, since),
      ])
      return { from: from < 0 ? to : from, to }
    } catch (error) {
      await brokers.topics([topic]).catch(() => undefined)
      throw error
    }
  })
}

/**
 * The records of a range, fetched without a group: nothing is left behind in Kafka. Costs two questions of the leader
 * and its fetches; in memory there is one answer at a time, and one record batch inflated.
 */
export async function* readRange(
  brokers: Brokers,
  id: PartitionId,
  range: Promise<OffsetRange | undefined>,
  onTrouble: OnTrouble,
  checkOpen: () => void,
): AsyncGenerator<RecordBatch> {
  checkOpen()
  const { from, to } = (await range) ?? { from: 0, to: 0 }
  const onDamaged = (message: string) => onTrouble({ kind: 'records', message, partition: id })
  for (let offset = from; offset < to;) {
    checkOpen()
    const { errorCode, bytes, aborted, endOffset } = await fetchFrom(brokers, id, offset)
    if (errorCode === CODE.offsetOutOfRange) {
      // Retention has deleted it meanwhile.
      const earliest = await trying(`cannot read ${id}`, () =>
        listOffset(brokers, PURPOSE, partsOf(id), EARLIEST),
      )
      if (earliest <= offset) return
      offset = earliest
      continue
    }
    const set = new RecordSet(bytes, offset, aborted, UNUSED_AGAIN, onDamaged)
    do {
      const taken = set.take(BATCH_RECORDS, BATCH_BYTES)
      const isLast = taken.nextOffset >= to
      const records = isLast ? taken.records.filter((record) => record.offset < to) : taken.records
      offset = taken.nextOffset
      const last = records.at(-1)
      if (last === undefined) continue
      yield { partition: id, records, endOffset: isLast ? Math.min(last.offset + 1, endOffset) : endOffset }
      checkOpen()
    } while (!set.isEmpty && offset < to)
  }
}

async function fetchFrom(brokers: Brokers, id: PartitionId, offset: number): Promise<FetchedPartition> {
  const { topic, partition } = partsOf(id)
  return trying(`cannot read ${id}`, async () => {
    try {
      const leader = brokers.leader(topic, partition)
      if (leader === undefined) throw new Error('it has no leader')
      const request = fetchRequest([{ topic, partition, offset, maxBytes: FETCH_BYTES }], {
        maxWaitMs: WAIT_MS,
        maxBytes: FETCH_BYTES,
      })
      const [fetched] = await brokers.node(leader, PURPOSE).send<FetchedPartition[]>(request, ANSWER_MS)
      const { errorCode = CODE.unknownTopic } = fetched ?? {}
      if (errorCode !== 0 && errorCode !== CODE.offsetOutOfRange)
        throw new BrokerError(errorCode, 'the leader answered')
      return fetched!
    } catch (error) {
      await brokers.topics([topic]).catch(() => undefined)
      throw error
    }
  })
}

/** Tries again what may pass by itself, for about five seconds. */
async function trying<T>(what: string, work: () => Promise<T>): Promise<T> {
  for (const untilMs = performance.now() + TRYING_MS; ;) {
    try {
      return await work()
    } catch (error) {
      const code = codeOf(error)
      if (performance.now() > untilMs || (code !== undefined && !isPassing(code))) throw logError(what, error)
      await sleep(RETRY_MS)
    }
  }
}

function partsOf(id: PartitionId): { topic: string; partition: number } {
  const at = id.lastIndexOf('-')
  return { topic: id.slice(0, at), partition: Number(id.slice(at + 1)) }
}
