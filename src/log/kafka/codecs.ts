import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { compressFrameSync } from 'lz4-napi'
import { uncompressSync } from 'snappy'
import { inflateLz4 } from './lz4.ts'
import type { ReusableMemory } from './reusable-memory.ts'

/** How batches are written. */
export type Compression = 'none' | 'gzip' | 'lz4' | 'zstd'

/** Numbers of the codecs in a record batch's attributes. */
const CODEC = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
const MASK = 7

/** No batch may become longer than this: a short one can say that it is gigabytes of zeros. */
export const MAX_INFLATED_BYTES = 128 * 2 ** 20

/** Compresses the records of a batch; answers the codec's number with them. What does not get shorter stays as it is. */
export function compress(compression: Compression, records: Buffer): { codec: number; bytes: Buffer } {
  const bytes = compressed(compression, records)
  return bytes.length < records.length
    ? { codec: CODEC[compression], bytes }
    : { codec: CODEC.none, bytes: records }
}

function compressed(compression: Compression, records: Buffer): Buffer {
  switch (compression) {
    case 'none':
      return records
    case 'gzip':
      return gzipSync(records, { level: constants.Z_BEST_SPEED })
    case 'lz4':
      return compressFrameSync(records)
    case 'zstd':
      return zstdCompressSync(records)
  }
}

/** Batches of one sender are much alike: this many times its length is what the first of them is expected to become. */
const FIRST_RATIO = 4

/** Inflates record batches. */
export class Inflater {
  readonly #memory: ReusableMemory
  /** How many times its length the last batch became, and somewhat more. */
  #ratio = FIRST_RATIO

  constructor(memory: ReusableMemory) {
    this.#memory = memory
  }

  /**
   * The records of a batch of these attributes: `bytes` themselves where it is not compressed, else in memory that the caller
   * may give back. Throws where they are damaged, or longer than MAX_INFLATED_BYTES.
   */
  inflate(attributes: number, bytes: Buffer): Buffer {
    switch (attributes & MASK) {
      case CODEC.none:
        return bytes
      case CODEC.gzip:
        return gunzipSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES })
      case CODEC.snappy:
        return unsnappy(bytes)
      case CODEC.lz4: {
        const expectedBytes = Math.ceil(bytes.length * this.#ratio)
        const inflated = inflateLz4(bytes, this.#memory, MAX_INFLATED_BYTES, expectedBytes)
        this.#ratio = (1.125 * inflated.length) / bytes.length
        return inflated
      }
      case CODEC.zstd:
        return zstdDecompressSync(bytes, { maxOutputLength: MAX_INFLATED_BYTES })
      default:
        throw new Error(`the codec ${attributes & MASK} is not known`)
    }
  }
}

/**
 * Java's clients write snappy as blocks behind a header (`org.xerial.snappy.SnappyOutputStream`): magic, two versions,
 * then each block with its length. Others write one bare block.
 */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER_BYTES = 16

function unsnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) {
    checkInflated(snappyLength(bytes))
    return uncompressSync(bytes) as Buffer
  }
  const blocks: Buffer[] = []
  let inflated = 0
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length;) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0 || at + length > bytes.length) throw new Error('a block of snappy is cut off')
    const block = bytes.subarray(at, at + length)
    checkInflated((inflated += snappyLength(block)))
    blocks.push(uncompressSync(block) as Buffer)
    at += length
  }
  return Buffer.concat(blocks)
}

/** The inflated length, with which a block of snappy begins: a varint. */
function snappyLength(block: Buffer): number {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = block[i]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return length
  }
  throw new Error('a block of snappy has no length')
}

function checkInflated(bytes: number): void {
  if (bytes <= MAX_INFLATED_BYTES) return
  throw new Error(`it would become ${bytes} bytes, of which it may have ${MAX_INFLATED_BYTES}`)
}
