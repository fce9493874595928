import fc from 'fast-check'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { ProtobufWriter } from '../../src/event/protobuf-writer.ts'
import { Rollup } from '../../src/rollup/rollup.ts'
import { withoutPod } from '../../src/rollup/series.ts'
import type { StatBlock } from '../../src/rollup/stat-block.ts'
import { decodeStatBlock, encodeStatBlock } from '../../src/rollup/stat-block-codec.ts'
import { exemplarsOf, type Exemplar, foldAll, trafficEvents } from './traffic.ts'

const SCOPE = 'east/shop'
/** The ten seconds that most of the requests below are in. */
const AT = 1_763_978_400_000

function request(of: Partial<Exemplar> & { readonly pod?: string }): MeshEvent {
  const { latencyMicros = 1000, timeMs = AT, traceId, pod = 'web-1' } = of
  return {
    kind: 'request',
    timeMs,
    direction: 'inbound',
    destination: { namespace: 'shop', name: 'web', pod },
    latencyMicros,
    ...(traceId === undefined ? {} : { traceId }),
  }
}

const trace = (digit: string) => digit.repeat(32)

function blockOf(events: readonly MeshEvent[]): StatBlock {
  return foldAll(events).rollup.block(SCOPE)
}

const check = (events: readonly MeshEvent[], want: Exemplar | undefined) =>
  t.strictSame(exemplarsOf(blockOf(events)).get(0), want)

t.test('a series keeps the trace of its slowest request, and of those that have none nothing', async (t) => {
  const slow = { latencyMicros: 9000, timeMs: AT + 5, traceId: trace('a') }
  const fast = { latencyMicros: 100, timeMs: AT + 9000, traceId: trace('b') }
  check([], undefined)
  check([request({ latencyMicros: 9000 })], undefined)
  check([request(fast), request(slow)], slow)
  check([request(slow), request(fast), request({ latencyMicros: 10_000 })], slow)
  check([request({ ...fast, traceId: trace('0') })], undefined)
  const two = blockOf([
    request({ ...fast, pod: 'web-1' }),
    request({ pod: 'web-2' }),
    request({ ...slow, pod: 'web-3' }),
  ])
  t.strictSame(
    [...exemplarsOf(two)],
    [
      [0, fast],
      [2, slow],
    ],
  )
})

t.test('of equally slow requests it is the later, then the one with the larger trace id', async () => {
  const first = { latencyMicros: 9000, timeMs: AT, traceId: trace('c') }
  const later = { ...first, timeMs: AT + 1, traceId: trace('a') }
  const larger = { ...later, traceId: `${trace('a').slice(0, 31)}b` }
  check([request(later), request(first)], later)
  check([request(larger), request(later)], larger)
})

t.test('a slower one of earlier ten seconds gives way to the newest', async () => {
  const early = { latencyMicros: 9_000_000, timeMs: AT - 1, traceId: trace('a') }
  const newest = { latencyMicros: 1, timeMs: AT, traceId: trace('b') }
  check([request(newest), request(early)], newest)
  check([request(early), request(newest)], newest)
})

t.test(
  'merging exemplars is commutative, associative and idempotent, with nothing as identity',
  async (t) => {
    // Of four times ten seconds, as totals and late buckets are.
    const events = fc.array(trafficEvents({ fromMs: AT - 20_000, toMs: AT + 19_999 }), { maxLength: 40 })
    const exemplars = (rollup: Rollup) =>
      Object.fromEntries(
        rollup
          .scopes()
          .toSorted()
          .map((scope) => {
            const block = rollup.block(scope)
            return [scope, [...exemplarsOf(block)].map(([row, of]) => [block.keys[row]!.id, of])]
          }),
      )
    const merged = (...rollups: readonly Rollup[]) => {
      const sum = new Rollup()
      for (const rollup of rollups) for (const scope of rollup.scopes()) sum.merge(rollup.block(scope))
      return sum
    }
    fc.assert(
      fc.property(events, events, events, (...lists) => {
        const [a, b, c] = lists.map((list) => foldAll(list).rollup)
        const whole = exemplars(foldAll(lists.flat()).rollup)
        t.strictSame(exemplars(merged(a!, merged(b!, c!))), whole)
        t.strictSame(exemplars(merged(merged(c!, b!), a!)), whole)
        t.strictSame(exemplars(merged(a!, b!, c!, b!, a!)), whole)
        t.strictSame(exemplars(merged(a!, new Rollup())), exemplars(a!))
        return t.passing()
      }),
      { seed: 71, numRuns: 150 },
    )
  },
)

t.test('series that become one keep one trace, unless it is left out', async (t) => {
  const slow = { latencyMicros: 9000, timeMs: AT + 5, traceId: trace('a') }
  const block = blockOf([request({ ...slow, pod: 'web-2' }), request({ traceId: trace('b') })])
  const podless = new Rollup()
  podless.merge(block, { rename: withoutPod })
  t.strictSame([...exemplarsOf(podless.block(SCOPE))], [[0, slow]])
  const without = new Rollup()
  without.merge(block, { withoutExemplars: true })
  t.equal(exemplarsOf(without.block(SCOPE)).size, 0)
})

t.test('a blob takes no byte for traces where there are none, and 26 for one', async (t) => {
  const without = encodeStatBlock(blockOf([request({})]))
  const traced = encodeStatBlock(blockOf([request({ traceId: trace('a') })]))
  // Four tags and lengths, and then a step, two bytes of latency, six of time, sixteen of the trace.
  t.equal(traced.length - without.length, 4 * 2 + 1 + 2 + 6 + 16)
  t.ok(
    Buffer.from(traced).subarray(0, without.length).equals(without),
    'what an earlier version reads is the same',
  )
  t.strictSame(decodeStatBlock(without).exemplars.row.length, 0)
})

t.test('damaged exemplars are refused with what is wrong', async (t) => {
  const plain = encodeStatBlock(blockOf([request({})]))
  for (const [steps, bytes, message] of [
    [[0], 15, /field 15.*has 15 bytes, but 1 exemplars need 16 each/],
    [[1], 16, /row.*of exemplar 0 is 1 after none, of 1/],
    [[0, 0], 32, /row.*of exemplar 1 is 0 after 0, of 1/],
  ] as const) {
    const writer = new ProtobufWriter()
    writer.packed(12, Float64Array.from(steps), steps.length)
    writer.bytes(15, new Uint8Array(bytes))
    const decode = () => decodeStatBlock(Buffer.concat([plain, writer.finish()]))
    t.throws(decode, { constructor: DecodeError, message })
  }
})
