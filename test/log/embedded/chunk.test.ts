import fc from 'fast-check'
import t from 'tap'
import { decodeChunk, encodeChunk, recordBytes } from '../../../src/log/embedded/chunk.ts'
import { LogError, type LogRecord } from '../../../src/log/event-log.ts'

const texts = fc.string({ unit: 'grapheme', maxLength: 20 })
const records: fc.Arbitrary<LogRecord> = fc.record(
  {
    key: texts,
    value: fc.uint8Array({ maxLength: 100 }),
    headers: fc.dictionary(texts, texts, { maxKeys: 4, noNullPrototype: true }),
  },
  { requiredKeys: ['value', 'headers'] },
)

function encode(list: readonly LogRecord[]): Buffer {
  return encodeChunk(
    list,
    list.reduce((sum, record) => sum + recordBytes(record), 0),
  )
}

t.test('any records come back from a chunk, counted on from its offset', async (t) => {
  fc.assert(
    fc.property(fc.array(records, { minLength: 1, maxLength: 20 }), (list) => {
      const key = { offset: 40, timestampMs: 1234, count: list.length }
      const read = decodeChunk(encode(list), key, 'topic-0')
      t.strictSame(
        read.map(({ value, ...rest }) => ({ ...rest, value: [...value] })),
        list.map(({ value, ...rest }, i) => ({
          ...rest,
          offset: 40 + i,
          timestampMs: 1234,
          value: [...value],
        })),
      )
    }),
    { seed: 3, numRuns: 200 },
  )
})

t.test('any changed or missing byte of a chunk is noticed', async (t) => {
  const chunk = encode([{ key: 'k', value: Buffer.from('value'), headers: { a: 'b' } }])
  const key = { offset: 7, timestampMs: 0, count: 1 }
  const fault = new LogError('LOG_CORRUPT', 'cannot read topic-3 at offset 7: its checksum is wrong')
  for (let i = 0; i < chunk.length; i++) {
    const changed = Buffer.from(chunk)
    changed[i]! ^= 1
    t.throws(() => decodeChunk(changed, key, 'topic-3'), fault)
    t.throws(() => decodeChunk(chunk.subarray(0, i), key, 'topic-3'), fault)
  }
})
