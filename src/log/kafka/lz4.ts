import { inflateBlock } from './lz4-block.ts'
import { GrowingBytes, type ReusableMemory } from './reusable-memory.ts'

/*
 * LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), as record batches have them.
 *
 * lz4-napi inflates into memory of its own, new each time, which spends more time on the system's pages and on V8's
 * collections than on inflating. So frames are inflated here.
 *
 * Checksums of a frame, which Go's clients write unless told otherwise, are stepped over. They would cost as much as
 * inflating does, and say nothing new: the batch around the frame has a checksum, which the broker holds it to before it
 * takes it, and most frames (Java's, librdkafka's) have none besides. What is damaged later than that throws, here or
 * where records are read, or becomes other bytes, and does nothing worse.
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
const SIZE_BYTES = 8
const LENGTH_BYTES = 4
const CHECKSUM_BYTES = 4
/** Of a block's length: it is not compressed. */
const STORED = 0x8000_0000

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
  const flags = flagsOf(frame)
  const inflated = new GrowingBytes(memory, expectedBytes, maxBytes)
  try {
    inflateBlocks(frame, flags, inflated)
  } catch (error) {
    inflated.drop()
    throw error
  }
  return inflated.bytes.subarray(0, inflated.length)
}

function flagsOf(frame: Buffer): number {
  if (frame.length < HEADER_BYTES) throw new Error('an LZ4 frame is cut off')
  if (frame.readUInt32LE(0) !== MAGIC) throw new Error('it is no LZ4 frame')
  const flags = frame[4]!
  if ((flags & VERSION_MASK) !== VERSION_1) throw new Error('an LZ4 frame is of a version that is not known')
  if (flags & DICTIONARY) throw new Error('an LZ4 frame needs a dictionary, of which there is none')
  return flags
}

function inflateBlocks(frame: Buffer, flags: number, into: GrowingBytes): void {
  // A plain Uint8Array: the loops are compiled for one class of array.
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.length)
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const blockChecksum = flags & BLOCK_CHECKSUMS ? CHECKSUM_BYTES : 0
  const contentChecksum = flags & CONTENT_CHECKSUM ? CHECKSUM_BYTES : 0
  for (let at = HEADER_BYTES + (flags & CONTENT_SIZE ? SIZE_BYTES : 0); ;) {
    const start = at + LENGTH_BYTES
    if (start > bytes.length) throw new Error('an LZ4 frame is cut off')
    const length = view.getUint32(at, true)
    if (length === 0) {
      if (start + contentChecksum > bytes.length) throw new Error('the checksum of an LZ4 frame is cut off')
      return
    }
    const end = start + (length & ~STORED)
    at = end + blockChecksum
    if (at > bytes.length) throw new Error('a block of LZ4 is cut off')
    if (length >= STORED) into.append(bytes.subarray(start, end))
    else inflateBlock(bytes, view, start, end, into, flags & INDEPENDENT ? into.length : 0)
  }
}
