import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import t from 'tap'
import { inflateLz4 } from '../../../src/log/kafka/lz4.ts'

const ENOUGH = 64 * 2 ** 20

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
        t.ok(inflateLz4(frame, ENOUGH).equals(content))
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
  t.ok(inflateLz4(compressFrameSync(content), ENOUGH).equals(content))
})

t.test('what is longer than allowed is refused before it is inflated', async (t) => {
  for (const blockChecksums of [false, true]) {
    const frame = compressFrameSync(Buffer.alloc(1001), { blockChecksums })
    t.throws(() => inflateLz4(frame, 1000), /would become \d+ bytes, of which it may have 1000/)
  }
  t.equal(inflateLz4(compressFrameSync(Buffer.alloc(1000)), 1000).length, 1000)
})

t.test('a damaged frame throws, or becomes something else, and does nothing worse', async (t) => {
  const content = Buffer.from('some text that repeats itself, some text that does not. '.repeat(40))
  const frame = compressFrameSync(content)
  for (let length = 0; length < frame.length; length++) {
    t.throws(() => inflateLz4(frame.subarray(0, length), ENOUGH), `cut off after ${length} bytes`)
  }
  for (let at = 0; at < frame.length; at++) {
    const damaged = Buffer.from(frame)
    damaged[at]! ^= 0xff
    try {
      t.ok(inflateLz4(damaged, ENOUGH).length <= ENOUGH)
    } catch (error) {
      t.type(error, Error)
    }
  }
})

function repeated([text, times]: [Uint8Array, number]): Uint8Array {
  return Buffer.concat(Array.from({ length: times }, () => text))
}
