import type { LogRecord } from '../event-log.ts'
import { type Compression, compress } from './codecs.ts'
import { crc32c } from './crc32c.ts'

/** What a batch has before its records. */
export const BATCH_HEADER_BYTES = 61
const MAGIC = 2
const CRC_AT = 17
const ATTRIBUTES_AT = 21

/** A record whose key and headers are encoded already. */
export interface EncodedRecord {
  readonly key: Buffer | undefined
  readonly value: Uint8Array
  /** Their number and they themselves. */
  readonly headers: Buffer
  /** Upper bound of what it takes in a batch. */
  readonly bytes: number
}

export interface ProducerState {
  readonly producerId: bigint
  readonly producerEpoch: number
  /** Of the batch's first record. */
  readonly sequence: number
}

/** Lengths and deltas of a record are at most this many bytes in all. */
const RECORD_OVERHEAD_BYTES = 26

export function encodeRecord(record: LogRecord, key: Buffer | undefined): EncodedRecord {
  const headers = encodeHeaders(record.headers)
  const bytes = RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + record.value.length + headers.length
  return { key, value: record.value, headers, bytes }
}

/**
 * A record batch of the format v2 (https://kafka.apache.org/documentation/#recordbatch), whose records all have the
 * time `nowMs`. Written again with the same state it is the same batch to the broker.
 */
export function encodeBatch(
  records: readonly EncodedRecord[],
  { producerId, producerEpoch, sequence }: ProducerState,
  compression: Compression,
  nowMs: number,
): Buffer {
  const { codec, bytes } = compress(compression, encodeRecords(records))
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + bytes.length)
  batch.writeBigInt64BE(0n, 0)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(MAGIC, 16)
  batch.writeInt16BE(codec, ATTRIBUTES_AT)
  batch.writeInt32BE(records.length - 1, 23)
  batch.writeBigInt64BE(BigInt(nowMs), 27)
  batch.writeBigInt64BE(BigInt(nowMs), 35)
  batch.writeBigInt64BE(producerId, 43)
  batch.writeInt16BE(producerEpoch, 51)
  batch.writeInt32BE(sequence, 53)
  batch.writeInt32BE(records.length, 57)
  bytes.copy(batch, BATCH_HEADER_BYTES)
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES_AT)), CRC_AT)
  return batch
}

function encodeRecords(records: readonly EncodedRecord[]): Buffer {
  const into = Buffer.allocUnsafe(records.reduce((sum, { bytes }) => sum + bytes, 0))
  let at = 0
  for (const [i, { key, value, headers }] of records.entries()) {
    const keyBytes = key?.length ?? 0
    const length =
      1 +
      1 +
      varintBytes(i) +
      varintBytes(key?.length ?? -1) +
      keyBytes +
      varintBytes(value.length) +
      value.length +
      headers.length
    at = writeVarint(into, length, at)
    // Attributes, and the time after that of the batch.
    into[at++] = 0
    into[at++] = 0
    at = writeVarint(into, i, at)
    at = writeVarint(into, key?.length ?? -1, at)
    if (key !== undefined) at += key.copy(into, at)
    at = writeVarint(into, value.length, at)
    into.set(value, at)
    at += value.length
    at += headers.copy(into, at)
  }
  return into.subarray(0, at)
}

function encodeHeaders(headers: LogRecord['headers']): Buffer {
  const parts = Object.entries(headers).flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value)])
  const into = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + 5 + part.length, 5))
  let at = writeVarint(into, parts.length / 2, 0)
  for (const part of parts) {
    at = writeVarint(into, part.length, at)
    at += part.copy(into, at)
  }
  return into.subarray(0, at)
}

/** Zigzag and base 128, as in protobuf's sint32. */
function writeVarint(into: Buffer, value: number, at: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at
}

function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5
}
