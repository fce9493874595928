import { decompressFrameSync, uncompressSync } from 'lz4-napi'

/*
 * LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), as record batches have them.
 *
 * lz4-napi inflates a frame into memory that it lets grow, which spends most of the time on the system's pages; a block
 * of known length takes it a quarter of that. So the blocks are walked here, and their lengths added up first.
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
const MIN_MATCH = 4
const OFFSET_BYTES = 2
/** What a length of four bits says of more to come. */
const LONG = 15

interface Block {
  readonly start: number
  readonly end: number
  readonly isStored: boolean
}

/** Inflates a frame. Throws where it is damaged, or would have more than `maxBytes`. */
export function inflateLz4(frame: Buffer, maxBytes: number): Buffer {
  const flags = frame[4] ?? 0
  const isPlain =
    frame.length > HEADER_BYTES &&
    frame.readUInt32LE(0) === MAGIC &&
    (flags & (VERSION_MASK | INDEPENDENT)) === (VERSION_1 | INDEPENDENT) &&
    (flags & (BLOCK_CHECKSUMS | CONTENT_CHECKSUM | DICTIONARY)) === 0
  const blocks = blocksOf(frame, flags)
  if (!isPlain) {
    checkMost(frame, blocks, maxBytes)
    return decompressFrameSync(frame)
  }
  let inflated = 0
  const lengths = blocks.map(({ start, end, isStored }) => {
    const length = isStored ? end - start : inflatedLength(frame, start, end)
    check((inflated += length), maxBytes)
    return length
  })
  const parts = blocks.map(({ start, end, isStored }, i) => {
    if (isStored) return frame.subarray(start, end)
    // It wants the length in front.
    const sized = Buffer.allocUnsafe(LENGTH_BYTES + end - start)
    sized.writeUInt32LE(lengths[i]!, 0)
    frame.copy(sized, LENGTH_BYTES, start, end)
    return uncompressSync(sized)
  })
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, inflated)
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

/** What a block becomes: its literals and matches added up. */
function inflatedLength(frame: Buffer, start: number, end: number): number {
  // A plain Uint8Array: the loop is compiled for one class of array.
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset + start, end - start)
  let length = 0
  for (let at = 0; at < bytes.length;) {
    const token = bytes[at++]!
    let literals = token >> 4
    if (literals === LONG) {
      let more: number
      do literals += more = bytes[at++] ?? 0
      while (more === 255)
    }
    at += literals
    length += literals
    // The last sequence is of literals only.
    if (at >= bytes.length) break
    at += OFFSET_BYTES
    let match = token & LONG
    if (match === LONG) {
      let more: number
      do match += more = bytes[at++] ?? 0
      while (more === 255)
    }
    length += match + MIN_MATCH
  }
  return length
}

/** Adds up the most that blocks can become, of frames that are left to lz4-napi. */
function checkMost(frame: Buffer, blocks: readonly Block[], maxBytes: number): void {
  const maxBlockBytes = 2 ** (8 + 2 * (((frame[5] ?? 0) >> 4) & 7))
  let inflated = 0
  for (const { start, end } of blocks) {
    // A block grows to 255 times its length at most.
    check((inflated += Math.min(maxBlockBytes, 255 * (end - start))), maxBytes)
  }
}

function check(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new Error(`it would become ${bytes} bytes, of which it may have ${maxBytes}`)
}
