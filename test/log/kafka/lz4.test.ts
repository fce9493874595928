import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { compressFrameSync, uncompressSync } from 'lz4-napi'
import t from 'tap'
import { inflateBlock } from '../../../src/log/kafka/lz4-block.ts'
import { inflateLz4 } from '../../../src/log/kafka/lz4.ts'
import { GrowingBytes, ReusableMemory } from '../../../src/log/kafka/reusable-memory.ts'

const ENOUGH = 64 * 2 ** 20
const memory = new ReusableMemory()

/** Into memory that others have left full of other bytes. */
function inflate(frame: Buffer, maxBytes: number, expectedBytes = 0): Buffer {
  const used = memory.take(expectedBytes + 16)
  used.fill(0xa5)
  memory.give(used)
  return inflateLz4(frame, memory, maxBytes, expectedBytes)
}

t.test('a frame becomes what it was made of, with checksums and without', async (t) => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.integer({ min: 1, max: 600 })).map(repeated),
  )
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 30 }),
      fc.boolean(),
      fc.boolean(),
      (parts, contentChecksum, blockChecksums) => {
        const content = Buffer.concat(parts)
        const frame = compressFrameSync(content, { contentChecksum, blockChecksums })
        t.ok(inflate(frame, ENOUGH).equals(content))
      },
    ),
    { seed: 9, numRuns: 300 },
  )
})

t.test('so does one of several blocks, some of them not compressed', async (t) => {
  const content = Buffer.concat([
    Buffer.alloc(5 * 2 ** 20, 'ab'),
    randomBytes(5 * 2 ** 20),
    Buffer.from('end'),
  ])
  t.ok(inflate(compressFrameSync(content), ENOUGH).equals(content))
})

t.test('what is longer than allowed is refused before it is inflated', async (t) => {
  for (const blockChecksums of [false, true]) {
    for (const content of [Buffer.alloc(1001), randomBytes(1001)]) {
      const frame = compressFrameSync(content, { blockChecksums })
      t.throws(() => inflate(frame, 1000), /would become \d+ bytes, of which it may have 1000/)
    }
  }
  t.equal(inflate(compressFrameSync(Buffer.alloc(1000)), 1000).length, 1000)
})

t.test('a damaged frame throws, or becomes something else, and does nothing worse', async (t) => {
  const content = Buffer.from('some text that repeats itself, some text that does not. '.repeat(40))
  for (const checksums of [false, true]) {
    const frame = compressFrameSync(content, { contentChecksum: checksums, blockChecksums: checksums })
    for (let length = 0; length < frame.length; length++) {
      t.throws(() => inflate(frame.subarray(0, length), ENOUGH), `cut off after ${length} bytes`)
    }
    for (let at = 0; at < frame.length; at++) {
      const damaged = Buffer.from(frame)
      damaged[at]! ^= 0xff
      try {
        t.ok(inflate(damaged, ENOUGH).length <= ENOUGH)
      } catch (error) {
        t.type(error, Error)
        t.notOk(error instanceof RangeError, 'it is not V8 that notices')
      }
    }
  }
})

t.test('checksums of a frame are stepped over, as its batch has one', async (t) => {
  const content = Buffer.from('some text that repeats itself, some text that does not. '.repeat(40))
  const frame = compressFrameSync(content, { contentChecksum: true, blockChecksums: true })
  t.ok(frame[4]! & 0x10 && frame[4]! & 0x04, 'it has both')
  // The block's is before the end mark, the content's after it.
  for (const at of [frame.length - 10, frame.length - 1]) {
    const other = Buffer.from(frame)
    other[at]! ^= 0xff
    t.ok(inflate(other, ENOUGH).equals(content))
  }
})

t.test('what is no frame that can be read is refused by what it is', async (t) => {
  const frame = compressFrameSync(Buffer.from('text'))
  const changed = (at: number, bits: number): Buffer => {
    const other = Buffer.from(frame)
    other[at]! ^= bits
    return other
  }
  t.throws(() => inflate(changed(0, 1), ENOUGH), /it is no LZ4 frame/)
  t.throws(() => inflate(changed(4, 0x80), ENOUGH), /of a version that is not known/)
  t.throws(() => inflate(changed(4, 0x01), ENOUGH), /needs a dictionary/)
})

t.test('blocks may go on with what was in those before them, where the frame says so', async (t) => {
  const literals = Buffer.from('abcdefghijklmnopqrst')
  const first = [0xf0, literals.length - 15, ...literals]
  // Of 20 bytes back from two bytes on, 10 bytes, and 5 literals.
  const second = [0x26, 0x31, 0x32, 20, 0, 0x50, ...Buffer.from('ABCDE')]
  const frame = (flags: number) => {
    const length = (bytes: readonly number[]) => [bytes.length, 0, 0, 0]
    const blocks = [...length(first), ...first, ...length(second), ...second]
    return Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40, 0, ...blocks, 0, 0, 0, 0])
  }
  t.equal(inflate(frame(0x40), ENOUGH).toString(), 'abcdefghijklmnopqrst12cdefghijklABCDE')
  t.throws(() => inflate(frame(0x60), ENOUGH), /a match of LZ4 is of bytes that there are not/)
})

t.test('a block of any bytes becomes what lz4-napi makes of it, or both refuse it', async (t) => {
  const random = fc.uint8Array({ maxLength: 40 })
  const sequence = fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 0, max: 40 }))
  const sequences = fc
    .array(sequence, { maxLength: 12 })
    .map((all) => Uint8Array.from(all.flatMap(([token, bytes, offset]) => [token, ...bytes, offset, 0])))
  let made = 0
  fc.assert(
    fc.property(fc.oneof(random, sequences), (block) => {
      const bytes = new GrowingBytes(memory, 0, 1_000_000)
      let own: string | undefined
      try {
        inflateBlock(block, new DataView(block.buffer), 0, block.length, bytes, 0)
        own = bytes.bytes.toString('hex', 0, bytes.length)
        made++
      } catch (error) {
        t.type(error, Error)
        t.notOk(error instanceof RangeError, 'it is not V8 that notices')
      }
      const sized = Buffer.concat([Buffer.alloc(4), block])
      sized.writeUInt32LE(bytes.length)
      let theirs: string | undefined
      try {
        theirs = uncompressSync(sized).toString('hex')
      } catch {
        // Refused.
      }
      // Theirs also wants the last sequence to have no match.
      if (theirs !== undefined) t.equal(own, theirs)
    }),
    { seed: 12, numRuns: 2000 },
  )
  t.ok(made > 20, `${made} were blocks`)
})

function repeated([text, times]: [Uint8Array, number]): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => text))
}
