/**
 * Keys of the log's database, in their order:
 *
 *     0                                                       the file's format
 *     1 name                                                  a topic
 *     2 topic:2 partition:2                                   a partition's end
 *     3 topic:2 partition:2 offset:8 time:8 count:4 bytes:4   a chunk: records of one partition, taken at one time
 *
 * Numbers are big-endian. A chunk's key says all that retention and look-ups by time need, so neither reads records.
 */
export interface PartitionRef {
  readonly topic: number
  readonly partition: number
}

/** Records of one partition that one transaction appended. */
export interface ChunkKey {
  /** Of its first record. */
  readonly offset: number
  readonly timestampMs: number
  readonly count: number
  /** Of its value. */
  readonly bytes: number
}

export const FORMAT_KEY = Buffer.of(0)
const TOPIC = 1
const END = 2
const CHUNK = 3
const CHUNK_KEY_BYTES = 29

export const TOPICS_FROM = Buffer.of(TOPIC)
export const TOPICS_TO = Buffer.of(TOPIC + 1)

export function topicKey(name: string): Buffer {
  return Buffer.concat([TOPICS_FROM, Buffer.from(name)])
}

export function topicOfKey(key: Uint8Array): string {
  return Buffer.from(key).toString('utf8', 1)
}

export function endKey(ref: PartitionRef): Buffer {
  return partitionKey(END, ref, 5)
}

export function chunkKey(ref: PartitionRef, chunk: ChunkKey): Buffer {
  const key = partitionKey(CHUNK, ref, CHUNK_KEY_BYTES)
  writeUint64(key, chunk.offset, 5)
  writeUint64(key, chunk.timestampMs, 13)
  key.writeUInt32BE(chunk.count, 21)
  key.writeUInt32BE(chunk.bytes, 25)
  return key
}

/** Lies before every chunk of the partition that begins at or after `offset`. */
export function chunksFrom(ref: PartitionRef, offset: number): Buffer {
  const key = partitionKey(CHUNK, ref, 13)
  writeUint64(key, offset, 5)
  return key
}

/** Lies after every chunk of the partition that begins before `offset`, or, without it, after all. */
export function chunksTo(ref: PartitionRef, offset?: number): Buffer {
  if (offset !== undefined) return chunksFrom(ref, offset)
  const key = partitionKey(CHUNK, ref, 13)
  key.fill(0xff, 5)
  return key
}

export function chunkOfKey(bytes: Uint8Array): ChunkKey {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    offset: readUint64(key, 5),
    timestampMs: readUint64(key, 13),
    count: key.readUInt32BE(21),
    bytes: key.readUInt32BE(25),
  }
}

function partitionKey(kind: number, { topic, partition }: PartitionRef, length: number): Buffer {
  const key = Buffer.alloc(length)
  key[0] = kind
  key.writeUInt16BE(topic, 1)
  key.writeUInt16BE(partition, 3)
  return key
}

/** Whole numbers up to 2^53, without the cost of a BigInt. */
export function writeUint64(into: Buffer, value: number, at: number): void {
  into.writeUInt32BE(Math.floor(value / 2 ** 32), at)
  into.writeUInt32BE(value % 2 ** 32, at + 4)
}

export function readUint64(from: Buffer, at: number): number {
  return from.readUInt32BE(at) * 2 ** 32 + from.readUInt32BE(at + 4)
}
