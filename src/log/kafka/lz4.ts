import { decompressFrameSync } from 'lz4-napi'
import { inflateBlock } from './lz4-block.ts'
import { GrowingBytes, type ReusableMemory } from './reusable-memory.ts'

/*
 * LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), as record batches have them.
 *
 * lz4-napi inflates into memory of its own, new each time, which spends more time on the system's pages and on V8's
 * collections than on inflating. So frames are inflated here; those with checksums are left to it.
 */

const MAGIC = 0x184d2204
const VERSION_1 = 0x40
const VERSION_MASK = 0xc0
const INDEPENDENT = 0x20
const BLOCK_CHECKSUMS = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
const HEADER_BYTES = 7
const LENGTH_BYTES = 4
const CHECKSUM_BYTES = 4
/** Of a block's length: it is not compressed. */
const STORED = 0x8000_0000

interface Block {
  readonly start: number
  readonly end: number
  readonly isStored: boolean
}

/**
 * Inflates a frame, into memory that its caller may give back. Throws where it is damaged, or would have more than `maxBytes`.
 * How many it will have is expected to be `expectedBytes`: else it takes more memory, and copies.
 */
export function inflateLz4(
  frame: Buffer,
  memory: ReusableMemory,
  maxBytes: number,
  expectedBytes: number,
): Buffer {
  const flags = frame[4] ?? 0
  const isPlain =
    frame.length > HEADER_BYTES &&
    frame.readUInt32LE(0) === MAGIC &&
    (flags & VERSION_MASK) === VERSION_1 &&
    (flags & (BLOCK_CHECKSUMS | CONTENT_CHECKSUM | DICTIONARY)) === 0
  const blocks = blocksOf(frame, flags)
  if (!isPlain) {
    checkMost(frame, blocks, maxBytes)
    return decompressFrameSync(frame)
  }
  // A plain Uint8Array: the loops are compiled for one class of array.
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.length)
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const inflated = new GrowingBytes(memory, expectedBytes, maxBytes)
  try {
    for (const { start, end, isStored } of blocks) {
      if (isStored) inflated.append(bytes.subarray(start, end))
      else inflateBlock(bytes, view, start, end, inflated, flags & INDEPENDENT ? inflated.length : 0)
    }
  } catch (error) {
    inflated.drop()
    throw error
  }
  return inflated.bytes.subarray(0, inflated.length)
}

function blocksOf(frame: Buffer, flags: number): Block[] {
  const blocks: Block[] = []
  const extra = flags & BLOCK_CHECKSUMS ? CHECKSUM_BYTES : 0
  for (let at = HEADER_BYTES + (flags & CONTENT_SIZE ? 8 : 0) + (flags & DICTIONARY ? 4 : 0); ;) {
    if (at + LENGTH_BYTES > frame.length) throw new Error('an LZ4 frame is cut off')
    const length = frame.readUInt32LE(at)
    if (length === 0) return blocks
    const start = at + LENGTH_BYTES
    const end = start + (length & ~STORED)
    if (end > frame.length) throw new Error('a block of LZ4 is cut off')
    blocks.push({ start, end, isStored: length >= STORED })
    at = end + extra
  }
}

/** Adds up the most that blocks can become, of frames that are left to lz4-napi. */
function checkMost(frame: Buffer, blocks: readonly Block[], maxBytes: number): void {
  const maxBlockBytes = 2 ** (8 + 2 * (((frame[5] ?? 0) >> 4) & 7))
  let inflated = 0
  for (const { start, end } of blocks) {
    // A block grows to 255 times its length at most.
    inflated += Math.min(maxBlockBytes, 255 * (end - start))
    if (inflated > maxBytes)
      throw new Error(`it would become ${inflated} bytes, of which it may have ${maxBytes}`)
  }
}
