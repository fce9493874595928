import { readFileSync } from 'node:fs'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { compressFrameSync } from 'lz4-napi'
import { compressSync } from 'snappy'
import t from 'tap'
import type { LogRecord, StoredRecord } from '../../../src/log/event-log.ts'
import { type Compression, Inflater, MAX_INFLATED_BYTES } from '../../../src/log/kafka/codecs.ts'
import { crc32c } from '../../../src/log/kafka/crc32c.ts'
import { RecordSet } from '../../../src/log/kafka/record-decoder.ts'
import { encodeBatch, encodeRecord } from '../../../src/log/kafka/record-encoder.ts'
import { ReusableMemory } from '../../../src/log/kafka/reusable-memory.ts'

const NOBODY = { producerId: -1n, producerEpoch: -1, sequence: -1 }
const TRANSACTIONAL = 0x10
const CONTROL = 0x20

interface BatchOptions {
  readonly baseOffset?: number
  readonly compression?: Compression
  readonly producerId?: bigint
  /** Set in addition. */
  readonly attributes?: number
}

/** A batch as a broker would answer it. */
function batch(records: readonly LogRecord[], options: BatchOptions = {}): Buffer {
  const { baseOffset = 0, compression = 'none', producerId = -1n, attributes = 0 } = options
  const encoded = records.map((record) =>
    encodeRecord(record, record.key === undefined ? undefined : Buffer.from(record.key)),
  )
  const bytes = encodeBatch(encoded, { ...NOBODY, producerId }, compression, 1_700_000_000_000)
  bytes.writeBigInt64BE(BigInt(baseOffset), 0)
  bytes.writeInt16BE(bytes.readInt16BE(21) | attributes, 21)
  return bytes
}

function noDamage(message: string): never {
  throw new Error(message)
}

function read(bytes: Buffer, from = 0, step = 1e9): { records: StoredRecord[]; nextOffset: number } {
  const set = new RecordSet(bytes, from, [], new ReusableMemory(), noDamage)
  const records: StoredRecord[] = []
  let nextOffset = from
  do {
    const taken = set.take(step, 1e9)
    records.push(...taken.records.map((record) => ({ ...record, value: new Uint8Array(record.value) })))
    nextOffset = taken.nextOffset
  } while (!set.isEmpty)
  return { records, nextOffset }
}

function numbered(count: number, from = 0): LogRecord[] {
  return Array.from({ length: count }, (_, i) => ({ value: Buffer.from(`${from + i}`), headers: {} }))
}

function texts(records: readonly StoredRecord[]): string[] {
  return records.map(({ value }) => Buffer.from(value).toString())
}

t.test('what is encoded is decoded, in every codec and in steps of any size', async (t) => {
  const record = fc.record({
    key: fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
    value: fc.uint8Array({ maxLength: 300 }),
    headers: fc.dictionary(fc.stringMatching(/^[a-z-]{1,20}$/), fc.string({ unit: 'grapheme' }), {
      maxKeys: 4,
    }),
  })
  const compression = fc.constantFrom<Compression>('none', 'gzip', 'lz4', 'zstd')
  fc.assert(
    fc.property(
      fc.array(record, { minLength: 1, maxLength: 40 }),
      compression,
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      (drawn, compression, step, baseOffset) => {
        const records = drawn.map(({ key, ...rest }): LogRecord =>
          key === undefined ? rest : { key, ...rest },
        )
        const { records: found, nextOffset } = read(
          batch(records, { compression, baseOffset }),
          baseOffset,
          step,
        )
        t.equal(nextOffset, baseOffset + records.length)
        t.strictSame(
          found.map(({ key, value, headers }) => ({ key, value: [...value], headers })),
          records.map(({ key, value, headers }) => ({ key, value: [...value], headers: { ...headers } })),
        )
        t.ok(found.every(({ offset }, i) => offset === baseOffset + i))
        t.ok(found.every(({ timestampMs }) => timestampMs === 1_700_000_000_000))
      },
    ),
    { seed: 4, numRuns: 100 },
  )
})

t.test("what Java's producer writes is read", async (t) => {
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd']) {
    const bytes = readFileSync(new URL(`../../fixtures/kafka/java-${codec}.bin`, import.meta.url))
    const { records, nextOffset } = read(bytes)
    t.equal(records.length, 300, codec)
    t.equal(nextOffset, 300)
    t.strictSame(
      records.map(({ key, headers, value }) => [key, headers, Buffer.from(value).toString()]),
      Array.from({ length: 300 }, (_, i) => [
        'proxy-1',
        { 'x-number': `${i}`, 'content-type': 'application/json' },
        `{"time":${1_700_000_000_000 + i},"path":"/api/${i}","method":"GET","status":200,"text":"${'größe ✓ '.repeat(i % 5)}"}`,
      ]),
    )
    t.ok(records.every(({ timestampMs }) => timestampMs > 1.7e12 && timestampMs < 2e12))
    t.equal(
      bytes.readUInt32BE(17),
      crc32c(bytes.subarray(21, 12 + bytes.readInt32BE(8))),
      'sealed as ours are',
    )
  }
})

t.test('a snappy block without a header is read', async (t) => {
  const text = Buffer.from('some text '.repeat(1000))
  t.same(new Inflater(new ReusableMemory()).inflate(2, compressSync(text)), text)
})

t.test('reading begins inside a batch, and a cut-off one is left for the next fetch', async (t) => {
  const bytes = Buffer.concat([
    batch(numbered(5), { baseOffset: 10 }),
    batch(numbered(5, 5), { baseOffset: 20, compression: 'lz4' }),
  ])
  t.same(texts(read(bytes, 12).records), ['2', '3', '4', '5', '6', '7', '8', '9'])
  t.same(read(bytes, 17).records[0]!.offset, 20, 'a gap between batches')
  const cut = read(bytes.subarray(0, -1), 12)
  t.same(texts(cut.records), ['2', '3', '4'])
  t.equal(cut.nextOffset, 15)
  t.same(read(Buffer.alloc(0), 7), { records: [], nextOffset: 7 })
})

t.test('control batches and transactions that were given up are passed over', async (t) => {
  const abort = batch([{ key: '\0\0\0\0', value: new Uint8Array(6), headers: {} }], {
    baseOffset: 8,
    producerId: 7n,
    attributes: TRANSACTIONAL | CONTROL,
  })
  const bytes = Buffer.concat([
    batch(numbered(2), { baseOffset: 0, producerId: 7n, attributes: TRANSACTIONAL }),
    batch(numbered(2, 2), { baseOffset: 2, producerId: 9n, attributes: TRANSACTIONAL }),
    batch(numbered(2, 4), { baseOffset: 4 }),
    batch(numbered(2, 6), { baseOffset: 6, producerId: 7n, attributes: TRANSACTIONAL }),
    abort,
    batch(numbered(1, 9), { baseOffset: 9, producerId: 7n, attributes: TRANSACTIONAL }),
    batch([{ key: '\0\0\0\u0001', value: new Uint8Array(6), headers: {} }], {
      baseOffset: 10,
      producerId: 7n,
      attributes: TRANSACTIONAL | CONTROL,
    }),
  ])
  const set = new RecordSet(bytes, 0, [{ producerId: 7n, firstOffset: 0 }], new ReusableMemory(), noDamage)
  const { records, nextOffset } = set.take(100, 1e9)
  t.same(texts(records), ['2', '3', '4', '5', '9'])
  t.equal(nextOffset, 11, 'reading goes on after what is no record')
  t.ok(set.isEmpty)
  const controls = new RecordSet(abort, 8, [], new ReusableMemory(), noDamage)
  t.same(controls.take(100, 1e9), { records: [], nextOffset: 9 }, 'also where there is nothing else')
})

t.test('a batch that compaction thinned out, or emptied, is passed', async (t) => {
  const emptied = batch([], { baseOffset: 5 })
  emptied.writeInt32BE(4, 23)
  const thinned = batch(numbered(3), { baseOffset: 10 })
  thinned.writeInt32BE(9, 23)
  const { records, nextOffset } = read(Buffer.concat([emptied, thinned]), 5)
  t.same(texts(records), ['0', '1', '2'])
  t.equal(nextOffset, 20)
})

t.test('what cannot be decoded is passed over and told', async (t) => {
  const good = batch(numbered(1, 9), { baseOffset: 9 })
  const broken = (change: (bytes: Buffer) => void, compression: Compression = 'none') => {
    const bytes = batch(
      Array.from({ length: 9 }, () => ({ value: new Uint8Array(100), headers: {} })),
      { compression },
    )
    change(bytes)
    return bytes
  }
  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ['lz4', broken((bytes) => bytes.fill(0xff, 70), 'lz4'), /records 0 to 8 cannot be read/],
    ['gzip', broken((bytes) => bytes.fill(0xff, 70), 'gzip'), /records 0 to 8 cannot be read/],
    ['zstd', broken((bytes) => bytes.fill(0xff, 61), 'zstd'), /records 0 to 8 cannot be read/],
    ['snappy', broken((bytes) => (bytes[22] = 2)), /records 0 to 8 cannot be read/],
    ['a codec of tomorrow', broken((bytes) => (bytes[22] = 6)), /codec 6 is not known/],
    ['an old format', broken((bytes) => (bytes[16] = 1)), /of format 1, not 2/],
    ['a negative count', broken((bytes) => bytes.writeInt32BE(-1, 57)), /records 0 to 8 .* -1 records/],
    ['a long record', broken((bytes) => (bytes[61] = 0xff)), /cut off|longer than/],
  ]
  for (const [what, bytes, expected] of cases) {
    const told: string[] = []
    const set = new RecordSet(Buffer.concat([bytes, good]), 0, [], new ReusableMemory(), (message) =>
      told.push(message),
    )
    const { records, nextOffset } = set.take(100, 1e9)
    t.same(texts(records), ['9'], what)
    t.equal(nextOffset, 10)
    t.equal(told.length, 1)
    t.match(told[0], expected)
  }
})

t.test(
  'a batch shorter than its header is told, and reading goes on after it with the next fetch',
  async (t) => {
    for (const [length, from, to] of [
      [48, 0, 8],
      [10, 3, 8],
      [-12, 0, 8],
      [-2_000, 0, 8],
      [10, 20, 20],
    ] as const) {
      const short = batch(numbered(9))
      short.writeInt32BE(length, 8)
      const told: string[] = []
      const bytes = Buffer.concat([short, batch(numbered(1, 9), { baseOffset: 9 })])
      const set = new RecordSet(bytes, from, [], new ReusableMemory(), (message) => told.push(message))
      t.same(set.take(100, 1e9), { records: [], nextOffset: to + 1 }, `length ${length}`)
      t.ok(set.isEmpty)
      t.equal(told.length, 1)
      t.match(told[0], `records 0 to ${to} cannot be read and are passed over: its length is ${length}, less`)
    }
  },
)

t.test(
  'what was taken lives until more is, or until it is released; then its memory is used again',
  async (t) => {
    const memory = new ReusableMemory()
    const long = (fill: number) => ({
      value: new Uint8Array(50_000).fill(fill),
      headers: { 'x-fill': 'same' },
    })
    const [first, second] = [
      [long(1), long(2)],
      [long(3), long(4)],
    ] as const
    const fetched = Buffer.concat([
      batch(first, { compression: 'lz4' }),
      batch(second, { baseOffset: 2, compression: 'lz4' }),
    ])
    const bytes = memory.take(100_000)
    fetched.copy(bytes)
    const set = new RecordSet(bytes.subarray(0, fetched.length), 0, [], memory, noDamage)
    const taken = set.take(2, 1e9).records
    const other = new RecordSet(batch([long(9)], { compression: 'lz4' }), 0, [], memory, noDamage)
    const [kept] = other.take(1, 1e9).records
    t.same(
      taken.map(({ value }) => [value[0], value[49_999]]),
      [
        [1, 1],
        [2, 2],
      ],
    )
    const next = set.take(2, 1e9).records
    t.same(
      next.map(({ value }) => [value[0], value[49_999]]),
      [
        [3, 3],
        [4, 4],
      ],
    )
    t.same(next[0]!.headers, { 'x-fill': 'same' })
    t.equal(memory.take(100_000).buffer, taken[0]!.value.buffer, 'it is used again')
    set.release()
    const given = [1, 2].map(() => memory.take(100_000).buffer)
    t.ok(given.includes(next[0]!.value.buffer))
    t.ok(given.includes(bytes.buffer), 'what was fetched too')
    t.same(new Set(kept!.value), new Set([9]), 'nothing of others')
  },
)

t.test(
  'a batch that ends before it begins is told and passed, also where nothing comes after it',
  async (t) => {
    const backwards = batch(numbered(3), { baseOffset: 5 })
    backwards.writeInt32BE(-2, 23)
    for (const [from, first, last] of [
      [5, 5, 5],
      [2, 5, 5],
      [7, 5, 7],
    ] as const) {
      const told: string[] = []
      const alone = new RecordSet(backwards, from, [], new ReusableMemory(), (message) => told.push(message))
      t.same(alone.take(100, 1e9), { records: [], nextOffset: last + 1 }, `from ${from}`)
      const expected = `the records ${first} to ${last} cannot be read and are passed over: its last offset is 2 before its first`
      t.same(told, [expected])
      const followed = Buffer.concat([backwards, batch(numbered(1, 9), { baseOffset: 9 })])
      const set = new RecordSet(followed, from, [], new ReusableMemory(), () => {})
      t.same(texts(set.take(100, 1e9).records), ['9'])
    }
  },
)

t.test('what would inflate beyond all measure is refused', async (t) => {
  const zeros = Buffer.alloc(MAX_INFLATED_BYTES + 1)
  for (const [codec, bytes] of [
    [1, gzipSync(zeros)],
    [2, compressSync(zeros)],
    [3, compressFrameSync(zeros)],
    [4, zstdCompressSync(zeros)],
  ] as const) {
    t.throws(() => new Inflater(new ReusableMemory()).inflate(codec, bytes), `codec ${codec}`)
  }
})

t.test('a CRC-32C is as RFC 3720 has it', async (t) => {
  t.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  t.equal(crc32c(new Uint8Array(32)), 0x8a9136aa)
  t.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43)
  t.equal(crc32c(new Uint8Array(0)), 0)
})
