import { crc32 } from 'node:zlib'
import { LogError, type LogRecord, type StoredRecord } from '../event-log.ts'

/*
 * A chunk's value: CRC-32 of what follows, then its records one after the other. Numbers have 4 bytes, little-endian.
 *
 *     record = key length (or NO_KEY), headers, value length, key, header…, value
 *     header = name length, value length, name, value
 */
const NO_KEY = 0xffff_ffff
const RECORD_BYTES = 12
const HEADER_BYTES = 8
const CRC_BYTES = 4

/** Bytes that a record takes in a chunk. */
export function recordBytes({ key, headers, value }: LogRecord): number {
  let bytes = RECORD_BYTES + value.length
  if (key !== undefined) bytes += Buffer.byteLength(key)
  for (const name in headers) {
    bytes += HEADER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(headers[name]!)
  }
  return bytes
}

/** `bytes` is the sum of the records' bytes. */
export function encodeChunk(records: readonly LogRecord[], bytes: number): Buffer {
  // Not of the pool: LMDB's thread reads it until the transaction is over.
  const chunk = Buffer.allocUnsafeSlow(CRC_BYTES + bytes)
  let at = CRC_BYTES
  for (const record of records) at = writeRecord(chunk, at, record)
  if (at !== chunk.length) throw new Error(`BUG: a chunk of ${chunk.length} bytes was filled to ${at}`)
  chunk.writeUInt32LE(crc32(chunk.subarray(CRC_BYTES)), 0)
  return chunk
}

function writeRecord(chunk: Buffer, start: number, { key, headers, value }: LogRecord): number {
  let at = start + RECORD_BYTES
  const keyBytes = key === undefined ? 0 : chunk.write(key, at)
  at += keyBytes
  let count = 0
  for (const name in headers) {
    const nameBytes = chunk.write(name, at + HEADER_BYTES)
    const textBytes = chunk.write(headers[name]!, at + HEADER_BYTES + nameBytes)
    chunk.writeUInt32LE(nameBytes, at)
    chunk.writeUInt32LE(textBytes, at + 4)
    at += HEADER_BYTES + nameBytes + textBytes
    count++
  }
  chunk.set(value, at)
  chunk.writeUInt32LE(key === undefined ? NO_KEY : keyBytes, start)
  chunk.writeUInt32LE(count, start + 4)
  chunk.writeUInt32LE(value.length, start + 8)
  return at + value.length
}

/**
 * The records of a chunk that begins at `offset`. Their values share its memory. Throws LOG_CORRUPT, naming `place`.
 */
export function decodeChunk(
  bytes: Uint8Array,
  {
    offset,
    timestampMs,
    count,
  }: { readonly offset: number; readonly timestampMs: number; readonly count: number },
  place: string,
): StoredRecord[] {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (chunk.length < CRC_BYTES || chunk.readUInt32LE(0) !== crc32(chunk.subarray(CRC_BYTES))) {
    throw new LogError('LOG_CORRUPT', `cannot read ${place} at offset ${offset}: its checksum is wrong`)
  }
  const records: StoredRecord[] = []
  let at = CRC_BYTES
  for (let i = 0; i < count; i++) {
    const keyBytes = chunk.readUInt32LE(at)
    const headerCount = chunk.readUInt32LE(at + 4)
    const valueBytes = chunk.readUInt32LE(at + 8)
    at += RECORD_BYTES
    let key: string | undefined
    if (keyBytes !== NO_KEY) {
      key = chunk.toString('utf8', at, at + keyBytes)
      at += keyBytes
    }
    const headers: Record<string, string> = {}
    for (let h = 0; h < headerCount; h++) {
      const nameEnd = at + HEADER_BYTES + chunk.readUInt32LE(at)
      const textEnd = nameEnd + chunk.readUInt32LE(at + 4)
      headers[chunk.toString('utf8', at + HEADER_BYTES, nameEnd)] = chunk.toString('utf8', nameEnd, textEnd)
      at = textEnd
    }
    const value = chunk.subarray(at, at + valueBytes)
    at += valueBytes
    records.push({ ...(key === undefined ? {} : { key }), value, headers, offset: offset + i, timestampMs })
  }
  return records
}
