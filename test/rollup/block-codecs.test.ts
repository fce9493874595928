import fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import { Rollup } from '../../src/rollup/rollup.ts'
import { decodeStatBlock, encodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { decodeTopBlock, encodeTopBlock } from '../../src/rollup/top-block-codec.ts'
import { foldAll, plainBlock, trafficEvents } from './traffic.ts'

const events = fc.array(trafficEvents({ fromMs: 1_763_978_400_000, toMs: 1_763_978_409_999 }), {
  maxLength: 80,
})

t.test('a block read back is the block written', async (t) => {
  fc.assert(
    fc.property(events, (list) => {
      const fold = foldAll(list)
      for (const scope of fold.rollup.scopes()) {
        const block = fold.rollup.block(scope)
        t.strictSame(plainBlock(decodeStatBlock(encodeStatBlock(block))), plainBlock(block))
      }
      for (const scope of fold.top.scopes()) {
        const block = fold.top.block(scope)
        t.strictSame(decodeTopBlock(encodeTopBlock(block)), block)
      }
      return t.passing()
    }),
    { seed: 31, numRuns: 100 },
  )
  t.strictSame(plainBlock(decodeStatBlock(encodeStatBlock(new Rollup().block('none/none')))), [])
})

t.test('the published rollup.proto reads the blobs', async (t) => {
  const root = await protobuf.load(new URL('../../proto/rollup.proto', import.meta.url).pathname)
  const [list] = fc.sample(
    fc.array(trafficEvents({ fromMs: 1, toMs: 9 }), { minLength: 60, maxLength: 60 }),
    {
      seed: 32,
      numRuns: 1,
    },
  )
  const fold = foldAll(list!)
  const [scope] = fold.rollup.scopes()
  const block = fold.rollup.block(scope!)
  const read = root.lookupType('meshtap.v1.StatBlock').decode(encodeStatBlock(block)).toJSON()
  t.equal(read['format'], 1)
  t.equal(read['series'].workload.length, block.keys.length)
  t.strictSame(read['outcomeCount'].map(Number), [...block.outcomeCount])
  t.strictSame(read['latencyCount'].map(Number), [...block.latencyCount])
  const top = root
    .lookupType('meshtap.v1.TopBlock')
    .decode(encodeTopBlock(fold.top.block(scope!)))
    .toJSON()
  t.equal(top['format'], 1)
  t.equal(
    top['entries'].path.length,
    fold.top.block(scope!).sketches.reduce((sum, sketch) => sum + sketch.entries.length, 0),
  )
})

t.test('a block has the outcomes of its own scope only', async (t) => {
  const event = (namespace: string, status: number) =>
    ({
      kind: 'request',
      timeMs: 1,
      direction: 'inbound',
      destination: { namespace, name: 'web' },
      latencyMicros: 1,
      status,
    }) as const
  const fold = foldAll([event('a', 200), event('b', 503), event('b', 404), event('a', 500)])
  const statuses = (scope: string) => fold.rollup.block(scope).outcomes.map(({ status }) => status)
  t.strictSame(new Set(statuses('east/a')), new Set([200, 500]))
  t.strictSame(new Set(statuses('east/b')), new Set([503, 404]))
})

t.test('a blob of another format is refused with both versions', async (t) => {
  const wanted = (decode: (bytes: Uint8Array) => unknown) =>
    t.throws(
      () => decode(Uint8Array.of(8, 7)),
      new DecodeError('format', 'format', 'is 7; this version of meshtap reads 1'),
    )
  wanted(decodeStatBlock)
  wanted(decodeTopBlock)
})
