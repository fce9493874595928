import type { RecordBatch, StoredRecord } from '../event-log.ts'
import { decodeChunk } from './chunk.ts'
import type { LogFile } from './log-file.ts'
import type { LogPartition } from './log-partition.ts'

export interface BatchLimits {
  readonly records: number
  /** Of values and keys; a single longer record is a batch of its own. */
  readonly bytes: number
}

/**
 * The records at and after `offset`, or the oldest ones where retention deleted those, up to the limits and before
 * `end`; undefined where there are none. Throws what the database throws, or a LogError with LOG_CORRUPT.
 */
export function readBatch(
  file: LogFile,
  partition: LogPartition,
  offset: number,
  limits: BatchLimits,
  end: number = partition.endOffset,
): RecordBatch | undefined {
  if (offset >= end) return undefined
  const records: StoredRecord[] = []
  let bytes = 0
  const holder = file.chunkKeyAt(partition.ref, offset)
  const isInside = holder !== undefined && holder.offset + holder.count > offset
  chunks: for (const { key, value } of file.chunks(partition.ref, isInside ? holder.offset : offset)) {
    if (key.offset >= end) break
    let decoded: readonly StoredRecord[]
    try {
      decoded = decodeChunk(value, key, partition.id)
    } catch (error) {
      // What comes before a damaged chunk is given first.
      if (records.length > 0) break
      throw error
    }
    for (const record of decoded) {
      if (record.offset < offset) continue
      bytes += record.value.length + (record.key?.length ?? 0)
      if (records.length > 0 && bytes > limits.bytes) break chunks
      records.push(record)
      if (records.length === limits.records) break chunks
    }
  }
  if (records.length === 0) return undefined
  return { partition: partition.id, records, endOffset: partition.endOffset }
}

/** Offset of the first record taken at or after `sinceMs`; the partition's end where there is none. */
export function offsetSince(file: LogFile, partition: LogPartition, sinceMs: number): number {
  // Times do not go back and chunks leave no gap, so offsets can be searched by halving: every chunk that begins before
  // `low`, itself where a chunk begins, is older; every one that begins at or after `high` is not.
  let low = file.chunkKeys(partition.ref, 0, 1)[0]?.offset ?? partition.endOffset
  let high = partition.endOffset
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    const chunk = file.chunkKeyAt(partition.ref, middle)
    if (chunk === undefined) throw new Error(`BUG: no chunk of ${partition.id} at or before offset ${middle}`)
    if (chunk.timestampMs >= sinceMs) high = chunk.offset
    else low = chunk.offset + chunk.count
  }
  return low
}
