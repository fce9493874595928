import { createHash } from 'node:crypto'
import type { BlobAddress, BucketAddress, TierName } from '../rollup-store.ts'

/*
 * Keys of the store's database, in their order:
 *
 *     0                                     the file's format
 *     1 name                                a partition's number
 *     2 partition:4                         what a partition knows of itself
 *     3 partition:4 kind:1 start:8 scope    a blob
 *     4 partition:4 kind:1 start:8          when a bucket expires
 *     5 time:8 partition:4 kind:1 start:8   the same, in order of time
 *
 * Numbers are big-endian, times doubles. `kind` is that of the address, and its tier.
 */
export const FORMAT_KEY = Buffer.of(0)
const NAME = 1
const RECORD = 2
const BLOB = 3
const EXPIRY = 4
const DUE = 5

export const NAMES_FROM = Buffer.of(NAME)
export const NAMES_TO = Buffer.of(NAME + 1)

/** Bytes of partition, kind and start. */
const PLACE_BYTES = 13
/** Where a blob's scope begins. */
const SCOPE_AT = 1 + PLACE_BYTES
/** Of a scope; LMDB's keys are limited. */
const MAX_SCOPE_BYTES = 1024
/** Marks a scope that is kept in the value, its hash being in the key. No text in UTF-8 has such a byte. */
const LONG_SCOPE = 0xfe

const KINDS: Readonly<Record<BucketAddress['kind'], Readonly<Record<TierName, number>>>> = {
  stat: { '10s': 1, '1m': 2, '10m': 3 },
  top: { '10s': 4, '1m': 5, '10m': 6 },
}

export function nameKey(partition: string): Buffer {
  return Buffer.concat([NAMES_FROM, Buffer.from(partition)])
}

export function nameOfKey(key: Uint8Array): string {
  return Buffer.from(key).toString('utf8', 1)
}

export function recordKey(partition: number): Buffer {
  const key = Buffer.alloc(5)
  key[0] = RECORD
  key.writeUInt32BE(partition, 1)
  return key
}

/** A place's partition and address, as all keys of its blobs and its expiry have it. */
export function placeOf(partition: number, address: BlobAddress): Buffer {
  const place = Buffer.alloc(PLACE_BYTES)
  place.writeUInt32BE(partition, 0)
  if (address.kind !== 'total') {
    place[4] = KINDS[address.kind][address.tier]
    writeTime(place, address.startMs, 5)
  }
  return place
}

/** A blob's key, and what its value begins with: a scope too long for the key. */
export function blobKey(place: Buffer, scope: string): { readonly key: Buffer; readonly head: Buffer } {
  const text = Buffer.from(scope)
  if (text.length <= MAX_SCOPE_BYTES) {
    return { key: Buffer.concat([Buffer.of(BLOB), place, text]), head: Buffer.alloc(0) }
  }
  const hash = createHash('sha256').update(text).digest()
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return {
    key: Buffer.concat([Buffer.of(BLOB), place, Buffer.of(LONG_SCOPE), hash]),
    head: Buffer.concat([length, text]),
  }
}

/** A blob's scope and content, from its key and value. */
export function blobOf(
  key: Uint8Array,
  value: Uint8Array,
): { readonly scope: string; readonly blob: Uint8Array } {
  if (key[SCOPE_AT] !== LONG_SCOPE) return { scope: textAfter(key, SCOPE_AT), blob: value }
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  const end = 4 + bytes.readUInt32BE(0)
  return { scope: bytes.toString('utf8', 4, end), blob: value.subarray(end) }
}

/** The scope, where the key alone tells it. */
export function scopeOfKey(key: Uint8Array): string | undefined {
  return key[SCOPE_AT] === LONG_SCOPE ? undefined : textAfter(key, SCOPE_AT)
}

/** A view rather than a copy: a query makes a thousand, and copies outlive it (bench: stat). */
function textAfter(bytes: Uint8Array, start: number): string {
  return bytes instanceof Buffer
    ? bytes.toString('utf8', start)
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start)
}

/** All blobs of a place. */
export function blobRange(place: Buffer): { readonly start: Buffer; readonly end: Buffer } {
  return {
    start: Buffer.concat([Buffer.of(BLOB), place]),
    end: Buffer.concat([Buffer.of(BLOB), place, Buffer.of(0xff)]),
  }
}

export function expiryKey(place: Buffer): Buffer {
  return Buffer.concat([Buffer.of(EXPIRY), place])
}

export function dueKey(expiresAtMs: number, place: Buffer): Buffer {
  const time = Buffer.alloc(9)
  time[0] = DUE
  writeTime(time, expiresAtMs, 1)
  return Buffer.concat([time, place])
}

/** What is due at `nowMs`. */
export function dueRange(nowMs: number): { readonly start: Buffer; readonly end: Buffer } {
  return { start: Buffer.of(DUE), end: dueKey(nowMs, Buffer.alloc(PLACE_BYTES, 0xff)) }
}

export function placeOfDueKey(key: Uint8Array): Buffer {
  return Buffer.from(key.subarray(9))
}

/** A double whose bytes are in the order of the numbers: of negative ones all bits are turned, of others the sign. */
function writeTime(into: Buffer, timeMs: number, at: number): void {
  // Zero has a negative twin of other bytes.
  into.writeDoubleBE(timeMs === 0 ? 0 : timeMs, at)
  const isNegative = into[at]! >= 0x80
  for (let i = at; i < at + 8; i++) into[i]! ^= isNegative ? 0xff : i === at ? 0x80 : 0
}
