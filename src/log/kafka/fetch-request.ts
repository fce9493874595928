import type Connection from 'kafkajs/src/network/connection.js'
import protocol from 'kafkajs/src/protocol/requests/index.js'
import type { AbortedTransaction } from './record-decoder.ts'
import type { ReusableMemory } from './reusable-memory.ts'

/** Of the protocol: the newest that kafkajs writes. */
const VERSION = 11

export interface WantedPartition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxBytes: number
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  /** Where what can be read ends: what is of open transactions is not counted. */
  readonly endOffset: number
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches, the last of which may be cut off. */
  readonly bytes: Buffer
}

export interface FetchLimits {
  readonly maxWaitMs: number
  readonly maxBytes: number
}

/**
 * A fetch whose answer keeps the record batches as they came. kafkajs would inflate and decode all of them at once, to
 * several objects a record.
 *
 * With `memory` the batches of each partition are copied into a buffer of it, which is its reader's to give back, and the
 * answer's is given back at once.
 */
export function fetchRequest(
  wanted: readonly WantedPartition[],
  { maxWaitMs, maxBytes }: FetchLimits,
  memory?: ReusableMemory,
): Connection.ProtocolRequest {
  const topics = Map.groupBy(wanted, ({ topic }) => topic)
  const { request } = protocol.requests['Fetch']!.protocol({ version: VERSION })({
    replicaId: -1,
    maxWaitTime: maxWaitMs,
    minBytes: 1,
    maxBytes,
    isolationLevel: 1,
    topics: [...topics].map(([topic, partitions]) => ({
      topic,
      partitions: partitions.map(({ partition, offset, maxBytes }) => ({
        partition,
        fetchOffset: offset,
        maxBytes,
      })),
    })),
  })
  return {
    request,
    response: { decode: async (payload) => decodeAnswer(payload, memory), parse: async (decoded) => decoded },
  }
}

function decodeAnswer(payload: Buffer, memory: ReusableMemory | undefined): FetchedPartition[] {
  let at = 0
  const int32 = () => payload.readInt32BE((at += 4) - 4)
  const int64 = () => payload.readBigInt64BE((at += 8) - 8)
  const int16 = () => payload.readInt16BE((at += 2) - 2)
  // The time that the broker was throttled for, which it has waited itself.
  int32()
  const errorCode = int16()
  int32()
  const fetched: FetchedPartition[] = []
  for (let topics = int32(); topics > 0; topics--) {
    const length = int16()
    const topic = payload.toString('utf8', at, (at += length))
    for (let partitions = int32(); partitions > 0; partitions--) {
      const partition = int32()
      const partitionError = int16()
      int64()
      const endOffset = Number(int64())
      int64()
      const aborted: AbortedTransaction[] = []
      for (let count = int32(); count > 0; count--) {
        const producerId = int64()
        aborted.push({ producerId, firstOffset: Number(int64()) })
      }
      // The replica that the broker would rather be asked, which it says only to those that name their rack.
      int32()
      const size = int32()
      const batches = payload.subarray(at, at + Math.max(0, size))
      const bytes = memory === undefined ? batches : memory.copy(batches)
      at += batches.length
      fetched.push({ topic, partition, errorCode: partitionError || errorCode, endOffset, aborted, bytes })
    }
  }
  memory?.give(payload)
  return fetched
}
