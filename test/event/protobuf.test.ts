import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import { ProtobufReader } from '../../src/event/protobuf-reader.ts'
import { ProtobufWriter } from '../../src/event/protobuf-writer.ts'

const MAX = Number.MAX_SAFE_INTEGER
const EDGES = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2 ** 21,
  2 ** 28 - 1,
  2 ** 28,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 49,
  MAX,
]

const number = fc.oneof(fc.constantFrom(...EDGES), fc.nat(), fc.nat({ max: MAX }))
const signed = fc.oneof(fc.constantFrom(...EDGES, ...EDGES.map((edge) => -edge)), fc.maxSafeInteger())

/** The fault of reading `bytes`, as one line. */
function faultOf(bytes: readonly number[], read: (reader: ProtobufReader) => unknown): string {
  try {
    read(new ProtobufReader(Uint8Array.from(bytes)))
    return 'none'
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return `${error.fault.reason} ${error.fault.at}: ${error.fault.message}`
  }
}

function skip(reader: ProtobufReader): void {
  reader.tag()
  reader.skip()
}

function readNested(reader: ProtobufReader): number {
  reader.tag()
  reader.enter()
  return reader.packedInts(new Int32Array(9), 0)
}

await t.test('what is written reads back', async () => {
  fc.assert(
    fc.property(
      fc.array(number),
      fc.array(signed),
      fc.string({ unit: 'binary' }),
      (numbers, deltas, text) => {
        const writer = new ProtobufWriter(1)
        writer.varint(1, numbers.length)
        writer.message(2, () => {
          writer.packed(1, Float64Array.from(numbers), numbers.length)
          writer.packedSigned(2, Float64Array.from(deltas), deltas.length)
          writer.string(3, text)
        })
        writer.string(4, 'after')

        const reader = new ProtobufReader(writer.finish())
        assert.equal(reader.tag(), 1)
        assert.equal(reader.varint(), numbers.length)
        assert.equal(reader.tag(), 2)
        const nested = reader.message()
        assert.equal(reader.tag(), 4)
        assert.equal(reader.string(), 'after')
        assert.ok(reader.done)

        nested.tag()
        const readNumbers = new Float64Array(numbers.length)
        let outer = nested.enter()
        assert.equal(nested.packedNumbers(readNumbers, 0), numbers.length)
        nested.leave(outer)
        assert.deepEqual([...readNumbers], numbers)
        nested.tag()
        const readDeltas = new Float64Array(deltas.length)
        outer = nested.enter()
        assert.equal(nested.packedSigned(readDeltas, 0), deltas.length)
        nested.leave(outer)
        assert.deepEqual(
          [...readDeltas],
          deltas.map((delta) => delta + 0),
        )
        nested.tag()
        assert.equal(nested.string(), text)
        assert.ok(nested.done)
      },
    ),
    { seed: 1, numRuns: 200 },
  )
})

await t.test('numbers read and write as protobufjs does', async (t) => {
  for (const value of EDGES) {
    const theirs = protobuf.Writer.create().uint32(8).uint64(value).finish()
    const writer = new ProtobufWriter()
    writer.varint(1, value)
    t.same([...writer.finish()], [...theirs], `writes ${value}`)
    const reader = new ProtobufReader(theirs)
    reader.tag()
    t.equal(reader.varint(), value, `reads ${value}`)
    for (const wanted of value === 0 ? [0] : [value, -value]) {
      const int64 = new ProtobufReader(protobuf.Writer.create().int64(wanted).finish())
      t.equal(int64.int64(), wanted, `reads int64 ${wanted}`)
      const sint64 = protobuf.Writer.create().sint64(wanted).finish()
      t.equal(new ProtobufReader(sint64).sint64(), wanted, `reads sint64 ${wanted}`)
      writer.packedSigned(1, Float64Array.of(wanted), 1)
      t.same([...writer.finish().subarray(2)], [...sint64], `writes sint64 ${wanted}`)
    }
  }
})

await t.test('packed fields stop where the output is full and go on where it was', async (t) => {
  const values = Int32Array.from({ length: 100 }, (_, i) => i * i * i)
  const writer = new ProtobufWriter()
  writer.packed(1, values, values.length)
  const reader = new ProtobufReader(writer.finish())
  reader.tag()
  reader.enter()
  const read: number[] = []
  while (!reader.done) {
    const some = new Int32Array(7)
    read.push(...some.subarray(0, reader.packedInts(some, 0)))
  }
  t.same(read, [...values])
})

await t.test('a column of zeros is left out, a packed field is not', async (t) => {
  const writer = new ProtobufWriter()
  writer.column(1, new Int32Array(3), 3)
  t.equal(writer.length, 0)
  writer.packed(1, new Int32Array(3), 3)
  t.same([...writer.finish()], [10, 3, 0, 0, 0])
})

await t.test('unknown fields of every wire type are skipped', async (t) => {
  const bytes = protobuf.Writer.create()
    .uint32((9 << 3) | 0)
    .uint64(MAX)
    .uint32((9 << 3) | 1)
    .fixed64(1)
    .uint32((9 << 3) | 2)
    .string('text')
    .uint32((9 << 3) | 3)
    .uint32((1 << 3) | 3)
    .uint32((1 << 3) | 4)
    .uint32((9 << 3) | 4)
    .uint32((9 << 3) | 5)
    .fixed32(1)
    .finish()
  const reader = new ProtobufReader(bytes)
  let fields = 0
  while (!reader.done) {
    t.equal(reader.tag(), 9)
    reader.skip()
    fields++
  }
  t.equal(fields, 5)
})

await t.test('bad input names the byte and the reason', async (t) => {
  const eleven: number[] = Array.from({ length: 11 }, () => 0x80)
  const cases: readonly [readonly number[], (reader: ProtobufReader) => unknown, string][] = [
    [[], (r) => r.varint(), 'truncated byte 0: the input ends inside a number'],
    [[0x80], (r) => r.varint(), 'truncated byte 0: the input ends inside a number'],
    [eleven, (r) => r.varint(), 'protobuf byte 0: a number is longer than 64 bits'],
    [
      [0, ...eleven.slice(0, 7), 0x10],
      (r) => (r.varint(), r.varint()),
      'out-of-range byte 1: a number is 2^53 or more',
    ],
    [[0x00], (r) => r.tag(), 'protobuf byte 0: a field has an impossible number'],
    [[0x0f], skip, 'protobuf byte 1: a field has the impossible wire type 7'],
    [[0x0c], skip, 'protobuf byte 1: a field has the impossible wire type 4'],
    [[0x0a, 5, 1], skip, 'truncated byte 1: a length of 5 bytes, but only 1 are left'],
    [[0x09, 1, 2], skip, 'truncated byte 1: 8 bytes are expected, but only 2 are left'],
    [[0x0d, 1], skip, 'truncated byte 1: 4 bytes are expected, but only 1 are left'],
    [Array.from({ length: 64 }, () => 0x0b), skip, 'protobuf byte 33: groups are nested too deep'],
    [[0x0b, 0x10, 1], skip, 'truncated byte 3: the input ends inside a number'],
  ]
  for (const [bytes, read, want] of cases) t.equal(faultOf(bytes, read), want)
})

await t.test('a nested message cannot be read past its end', async (t) => {
  t.equal(faultOf([0x0a, 1, 0x81, 1], readNested), 'truncated byte 2: the input ends inside a number')
})

await t.test('numbers that protobuf cannot carry are misuse', async (t) => {
  const writer = new ProtobufWriter()
  for (const value of [-1, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    t.throws(() => writer.varint(1, value), RangeError)
    t.throws(() => writer.packed(1, Float64Array.of(value), 1), RangeError)
  }
  t.throws(() => writer.packedSigned(1, Float64Array.of(2 ** 60), 1), RangeError)
})
