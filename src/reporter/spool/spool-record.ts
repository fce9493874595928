import { crc32 } from 'node:zlib'
import type { NumberedBatch } from '../batch-sink.ts'

/**
 * A record of a spool's file: a head of fixed length, the producer, the batch. Little-endian.
 *
 *     0  u32  CRC-32 of everything from byte 5 on
 *     4  u8   0, or 1 once the batch has been taken: the one byte that is written later
 *     5  u8   bytes of the producer, plus 1
 *     6  u32  bytes of the batch
 *    10  u32  events of the batch
 *    14  f64  sequence
 */
export const RECORD_HEAD_BYTES = 22
export const TAKEN_AT = 4
export const TAKEN = 1
const CHECKED_FROM = 5

export function encodeRecord({ producer, sequence, events, bytes }: NumberedBatch): Buffer {
  const name = Buffer.from(producer)
  const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + name.length + bytes.length)
  record[TAKEN_AT] = 0
  record[5] = name.length - 1
  record.writeUInt32LE(bytes.length, 6)
  record.writeUInt32LE(events, 10)
  record.writeDoubleLE(sequence, 14)
  record.set(name, RECORD_HEAD_BYTES)
  record.set(bytes, RECORD_HEAD_BYTES + name.length)
  record.writeUInt32LE(crc32(record.subarray(CHECKED_FROM)), 0)
  return record
}

export interface SpoolRecord {
  readonly batch: NumberedBatch
  readonly isTaken: boolean
  /** Bytes of the record. */
  readonly length: number
}

/** Bytes of the record that begins at `at`; undefined where its head is not all there. */
export function recordLength(bytes: Buffer, at: number): number | undefined {
  if (at + RECORD_HEAD_BYTES > bytes.length) return undefined
  return RECORD_HEAD_BYTES + bytes[at + 5]! + 1 + bytes.readUInt32LE(at + 6)
}

/** The record that begins at `at`; undefined where it is torn or damaged. Its bytes are a copy. */
export function decodeRecord(bytes: Buffer, at: number): SpoolRecord | undefined {
  const length = recordLength(bytes, at)
  if (length === undefined || at + length > bytes.length) return undefined
  const record = bytes.subarray(at, at + length)
  if (crc32(record.subarray(CHECKED_FROM)) !== record.readUInt32LE(0)) return undefined
  const start = RECORD_HEAD_BYTES + record[5]! + 1
  return {
    batch: {
      producer: record.toString('utf8', RECORD_HEAD_BYTES, start),
      sequence: record.readDoubleLE(14),
      events: record.readUInt32LE(10),
      bytes: new Uint8Array(record.subarray(start)),
    },
    isTaken: record[TAKEN_AT] === TAKEN,
    length,
  }
}
