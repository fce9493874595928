import fc from 'fast-check'
import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { BucketFold } from '../../src/rollup/bucket-fold.ts'
import { OVERFLOW } from '../../src/rollup/series.ts'
import type { StatBlock } from '../../src/rollup/stat-block.ts'
import { foldAll, plainFold, trafficEvents } from './traffic.ts'

const events = fc.array(trafficEvents({ fromMs: 1_000_000, toMs: 1_009_999 }), { maxLength: 120 })

/** Cuts a list at the given places. */
function parts<T>(list: readonly T[], cuts: readonly number[]): T[][] {
  const places = [0, ...cuts.map((cut) => Math.min(cut, list.length)), list.length].toSorted((a, b) => a - b)
  return places.slice(1).map((end, i) => list.slice(places[i], end))
}

function mergeInto(target: BucketFold, other: BucketFold): BucketFold {
  for (const scope of other.rollup.scopes()) target.rollup.merge(other.rollup.block(scope))
  for (const scope of other.top.scopes()) target.top.merge(scope, other.top.block(scope))
  return target
}

t.test('any order, batching and grouping of the same events makes the same rollup', async (t) => {
  fc.assert(
    fc.property(
      events.chain((list) =>
        fc.record({
          list: fc.constant(list),
          shuffled: fc.shuffledSubarray(list, { minLength: list.length }),
          cuts: fc.array(fc.nat(120), { maxLength: 6 }),
          order: fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
        }),
      ),
      ({ list, shuffled, cuts, order }) => {
        const whole = plainFold(foldAll(list))
        const folded = parts(shuffled, cuts).map((part) => foldAll(part))
        folded.sort(() => (order.pop()! % 2 === 0 ? 1 : -1))
        const merged = folded.reduce(mergeInto, foldAll([]))
        t.strictSame(plainFold(merged), whole)
        // The other grouping: pairs from the right.
        const right = parts(shuffled, cuts)
          .map((part) => foldAll(part))
          .reduceRight((sum, part) => mergeInto(part, sum), foldAll([]))
        t.strictSame(plainFold(right), whole)
        return t.passing()
      },
    ),
    { seed: 11, numRuns: 150 },
  )
})

function requestsIn(block: StatBlock): number {
  return block.outcomeCount.reduce((sum, count) => sum + count, 0)
}

t.test('what exceeds a limit is counted in the overflow series, never dropped', async (t) => {
  const limits = { perScope: 5, overall: 8, scopes: 2 }
  const list: MeshEvent[] = Array.from({ length: 500 }, (_, i) => ({
    kind: 'request',
    timeMs: 1000 + i,
    direction: i % 3 === 0 ? 'outbound' : 'inbound',
    source: { namespace: `ns-${i % 7}`, name: `client-${i % 11}` },
    destination: { namespace: `ns-${i % 5}`, name: `server-${i % 13}` },
    path: `/word-${'abcdefghij'[i % 10]}`,
    latencyMicros: i,
    status: 200,
  }))
  const fold = foldAll(list, { series: limits })
  const blocks = fold.rollup.scopes().map((scope) => fold.rollup.block(scope))
  t.equal(
    blocks.reduce((sum, block) => sum + requestsIn(block), 0),
    500,
    'every request is in some series',
  )
  t.equal(
    blocks.reduce((sum, block) => sum + block.latencySumMicros.reduce((a, b) => a + b, 0), 0),
    (499 * 500) / 2,
  )
  t.ok(fold.rollup.overflowed > 0)
  const named = blocks.flatMap((block) => block.keys).filter((key) => key.workload.name !== OVERFLOW)
  t.ok(named.length <= limits.overall, `${named.length} named series`)
  t.ok(fold.rollup.scopes().includes(`${OVERFLOW}/${OVERFLOW}`), 'further scopes share one')
  for (const block of blocks) {
    t.ok(block.keys.filter((key) => key.workload.name !== OVERFLOW).length <= limits.perScope)
  }
})

t.test('what a sender calls by the name of overflow keeps to the limits too', async (t) => {
  const limits = { perScope: 5, overall: 8, scopes: 2 }
  const list: MeshEvent[] = Array.from({ length: 500 }, (_, i) => ({
    kind: 'request',
    timeMs: 1000,
    direction: 'inbound',
    destination: { cluster: `c-${i % 50}`, namespace: OVERFLOW, name: OVERFLOW, pod: `pod-${i}` },
    latencyMicros: 1,
  }))
  const { rollup } = foldAll(list, { series: limits })
  t.ok(rollup.size <= limits.overall + 2 * (limits.scopes + 1), `${rollup.size} series`)
  t.ok(rollup.scopes().length <= limits.scopes + 1)
  t.equal(
    rollup.scopes().reduce((sum, scope) => sum + requestsIn(rollup.block(scope)), 0),
    500,
  )
})

t.test('the destinations and scopes of top are bounded, and every request is counted', async (t) => {
  for (const name of ['web', OVERFLOW]) {
    const list: MeshEvent[] = Array.from({ length: 500 }, (_, i) => ({
      kind: 'request',
      timeMs: 1000,
      direction: 'inbound',
      destination: { namespace: `ns-${i}`, name },
      latencyMicros: 1,
    }))
    const { top } = foldAll(list, { top: { capacity: 8, destinations: 10 } })
    const scopes = top.scopes()
    t.equal(scopes.length, 11)
    t.ok(scopes.includes(`${OVERFLOW}/${OVERFLOW}`))
    const sketches = scopes.flatMap((scope) => top.block(scope).sketches)
    t.ok(sketches.length <= 10 + 11)
    t.equal(
      sketches.reduce((sum, { total }) => sum + total, 0),
      500,
    )
  }
})
