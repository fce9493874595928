import fc from 'fast-check'
import t from 'tap'
import { type InputFormat, sniffed } from '../../../src/cli/push/format.ts'
import type { InputValue } from '../../../src/cli/push/input-value.ts'
import { jsonValuesOf } from '../../../src/cli/push/json-values.ts'
import { linesOf } from '../../../src/cli/push/lines.ts'

type Splitter = (chunks: AsyncIterable<Buffer>, maxBytes?: number) => AsyncGenerator<InputValue[]>

/** The text in chunks that begin at these places, in bytes. */
async function* chunked(text: string, cuts: readonly number[] = []): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  )
  for (let i = 1; i < places.length; i++) yield Buffer.from(bytes.subarray(places[i - 1], places[i]))
}

async function split(splitter: Splitter, text: string, cuts?: readonly number[], maxBytes?: number) {
  const values: (readonly [number, string])[] = []
  for await (const part of splitter(chunked(text, cuts), maxBytes)) {
    for (const { bytes, line } of part) values.push([line, bytes.toString()])
  }
  return values
}

t.test('lines are counted, blank ones too, and left out', async (t) => {
  t.strictSame(await split(linesOf, ''), [])
  t.strictSame(await split(linesOf, '\n \r\n\n'), [])
  t.strictSame(await split(linesOf, '{"a":1}\n\n{"b":2}\r\n{"c":3}'), [
    [1, '{"a":1}'],
    [3, '{"b":2}\r'],
    [4, '{"c":3}'],
  ])
})

t.test('objects are found in an array, and one after the other', async (t) => {
  const want = [
    [1, '{"a":"]}\\"{"}'],
    [2, '{   "b": [ {}, [2] ] }'],
    [4, '{}'],
  ]
  const objects = ['{"a":"]}\\"{"}', '{\n  "b": [ {}, [2] ] }', '{}']
  t.strictSame(await split(jsonValuesOf, `[${objects.join(',\n')}]`), [want[0], want[1], want[2]])
  t.strictSame(await split(jsonValuesOf, objects.join('\n')), want)
  t.strictSame(await split(jsonValuesOf, ''), [])
  t.strictSame(await split(jsonValuesOf, ' [ ] \n'), [])
})

t.test('wherever chunks end, the values are the same', async (t) => {
  const value = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(value, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 8 }),
      fc.boolean(),
      async (values, cuts, isPretty) => {
        const texts = values.map((value) => JSON.stringify(value))
        const ndjson = texts.join('\n')
        t.strictSame(
          (await split(linesOf, ndjson, cuts)).map(([, text]) => text),
          texts,
        )
        const array = isPretty ? JSON.stringify(values, null, 2) : JSON.stringify(values)
        const found = (await split(jsonValuesOf, array, cuts)).map(([, text]) => JSON.parse(text) as unknown)
        t.strictSame(found, JSON.parse(JSON.stringify(values)))
      },
    ),
    { seed: 42, numRuns: 100 },
  )
})

t.test('what is no list of objects is refused, with its line', async (t) => {
  const check = (text: string, want: string | RegExp) =>
    t.rejects(split(jsonValuesOf, text), { code: 'INPUT_MALFORMED', message: want })
  await check(
    '[{},\n7]',
    /^line 2: expected an object, found "7"; events are objects, one a line or in an array$/,
  )
  await check('[{}]]', /^line 1: expected an object, found "\]"/)
  await check('[{}]{}', /^line 1: expected an object, found "\{"/)
  await check('[[{}]]', /^line 1: expected an object, found "\["/)
  await check('{},{}', /^line 1: expected an object, found ","/)
  await check('\n{"a":\n1', 'line 2: the object that begins here does not end')
  await check('[\n{}', 'line 2: the array does not end')
  await check('{"a":"x\ny"}', 'line 1: a line ends within a string')
})

t.test('values longer than the limit are refused before they fill the memory', async (t) => {
  const long = JSON.stringify({ a: 'x'.repeat(100) })
  const cuts = [10, 20, 30, 40, 50, 60, 70, 80]
  for (const splitter of [linesOf, jsonValuesOf]) {
    await t.rejects(split(splitter, `{}\n${long}`, cuts, 50), {
      message: /^line 2: .* longer than 50 bytes$/,
    })
    await t.rejects(split(splitter, `{}\n${long}\n`, [], 50), {
      message: /^line 2: .* longer than 50 bytes$/,
    })
    t.equal((await split(splitter, `{}\n${long}`, cuts, 200)).length, 2)
  }
})

t.test('formats are told by their beginning, or by the name of the file', async (t) => {
  const check = async (name: string, text: string | Buffer, want: InputFormat) => {
    const bytes = Buffer.from(text)
    for (const size of [1, 3, bytes.length + 1]) {
      const { format, chunks } = await sniffed(
        name,
        (async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
        })(),
      )
      const parts: Buffer[] = []
      for await (const chunk of chunks) parts.push(chunk)
      t.equal(format, want, `${name} ${JSON.stringify(text.toString())} in parts of ${size}`)
      t.ok(Buffer.concat(parts).equals(bytes), 'nothing of it is lost')
    }
  }
  await check('-', '', 'ndjson')
  await check('-', '{"time":1}\n{"time":2}\n', 'ndjson')
  await check('-', '{"time":1}', 'ndjson')
  await check('-', '\n {"time":1}\n', 'ndjson')
  await check('-', '[{"time":1}]', 'json')
  await check('-', ' \n[\n{"time":1}]', 'json')
  await check('-', '{\n  "time": 1\n}\n', 'json')
  await check('-', 'nonsense\n', 'ndjson')
  await check('-', Buffer.from([0x0a, 0x02, 0x70, 0x31, 0x10, 0x01]), 'batch')
  await check('-', Buffer.from([0x1a, 0x03, 0x77, 0x65, 0x62]), 'batch')
  await check('events.pb', '{', 'batch')
  await check('events.ndjson.gz', '[', 'ndjson')
})
