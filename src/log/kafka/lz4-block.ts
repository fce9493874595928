import { type GrowingBytes, SPARE_BYTES } from './reusable-memory.ts'

const MIN_MATCH = 4
const OFFSET_BYTES = 2
/** What a length of four bits says of more to come. */
const LONG = 15
const WORD = 8
/** By its offset below 8, from how far back a match goes on after 8 bytes: from a multiple of it that is at least 8. */
const WIDENED = Uint8Array.of(0, 8, 8, 9, 8, 10, 12, 14)

/**
 * Appends what a block of LZ4 becomes (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md) to `into`. The block
 * is `bytes[start, end)`, `view` is of the same bytes; matches reach back to `floor` of `into` at most.
 *
 * Throws where the block is damaged or becomes too long, and what it has appended by then counts for nothing.
 *
 * Copies 16 bytes at a time, past the end of what is to be copied, which what comes next overwrites; and as 64-bit integers,
 * for which V8 makes plain moves.
 */
export function inflateBlock(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  into: GrowingBytes,
  floor: number,
): void {
  const safeEnd = bytes.length - SPARE_BYTES
  let { bytes: to, view: toView, length: out, limit } = into
  for (let at = start; at < end;) {
    const token = bytes[at++]!
    let literals = token >> 4
    if (literals === LONG) {
      let more: number
      do literals += more = at < end ? bytes[at++]! : 0
      while (more === 255)
    }
    if (literals > end - at) throw new Error('a block of LZ4 is cut off')
    if (out + literals > limit) {
      into.length = out
      into.reserve(literals)
      ;({ bytes: to, view: toView, limit } = into)
    }
    const literalsEnd = out + literals
    if (at + literals <= safeEnd) {
      for (let i = at; out < literalsEnd; i += 2 * WORD, out += 2 * WORD) {
        toView.setBigInt64(out, view.getBigInt64(i, true), true)
        toView.setBigInt64(out + WORD, view.getBigInt64(i + WORD, true), true)
      }
    } else {
      for (let i = at; out < literalsEnd;) to[out++] = bytes[i++]!
    }
    out = literalsEnd
    at += literals
    // The last sequence is of literals only.
    if (at === end) break
    if (end - at < OFFSET_BYTES) throw new Error('a block of LZ4 is cut off')
    const offset = bytes[at]! | (bytes[at + 1]! << 8)
    at += OFFSET_BYTES
    let length = (token & LONG) + MIN_MATCH
    if (length === LONG + MIN_MATCH) {
      let more: number
      do length += more = at < end ? bytes[at++]! : 0
      while (more === 255)
    }
    if (offset === 0 || offset > out - floor) throw new Error('a match of LZ4 is of bytes that there are not')
    if (out + length > limit) {
      into.length = out
      into.reserve(length)
      ;({ bytes: to, view: toView, limit } = into)
    }
    const matchEnd = out + length
    let i = out - offset
    if (offset >= 2 * WORD) {
      for (; out < matchEnd; i += 2 * WORD, out += 2 * WORD) {
        toView.setBigInt64(out, toView.getBigInt64(i, true), true)
        toView.setBigInt64(out + WORD, toView.getBigInt64(i + WORD, true), true)
      }
    } else {
      if (offset < WORD) {
        for (const wordEnd = out + WORD; out < wordEnd;) to[out++] = to[i++]!
        i = out - WIDENED[offset]!
      }
      for (; out < matchEnd; i += WORD, out += WORD)
        toView.setBigInt64(out, toView.getBigInt64(i, true), true)
    }
    out = matchEnd
  }
  into.length = out
}
