import fc from 'fast-check'
import t from 'tap'
import { mergeTopSketches, TopSketch, topKeyId } from '../../src/rollup/top-sketch.ts'
import type { TopSketchState } from '../../src/rollup/top-block.ts'
import { random } from '../random.ts'

const destination = { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'web' }
const source = { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot' }

interface Call {
  readonly path: string
  readonly micros: number
}

function sketchOf(calls: readonly Call[], capacity: number, pruneEvery: number): TopSketch {
  const sketch = new TopSketch('inbound', destination, capacity)
  calls.forEach(({ path, micros }, i) => {
    const key = { source, method: 'GET', path }
    sketch.add(topKeyId(key), key, {
      count: 1,
      failures: micros % 2,
      bestMicros: micros,
      worstMicros: micros,
      latencySumMicros: micros,
      lastMicros: micros,
      lastMs: i,
    })
    if (i % pruneEvery === 0) sketch.prune()
  })
  sketch.prune()
  return sketch
}

function truth(calls: readonly Call[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { path } of calls) counts.set(path, (counts.get(path) ?? 0) + 1)
  return counts
}

/** What must hold of any sketch of these calls, however it came about. */
function violations(state: TopSketchState, calls: readonly Call[], capacity: number): string[] {
  const counts = truth(calls)
  const wrong: string[] = []
  if (state.total !== calls.length) wrong.push(`total ${state.total}`)
  if (state.entries.length > capacity) wrong.push(`${state.entries.length} entries`)
  if (state.floor * (capacity + 1) > calls.length) wrong.push(`floor ${state.floor} of ${calls.length}`)
  for (const entry of state.entries) {
    const count = counts.get(entry.path) ?? 0
    if (count > entry.count || count < entry.count - entry.error) {
      wrong.push(`${entry.path}: ${count} not in [${entry.count - entry.error}, ${entry.count}]`)
    }
    counts.delete(entry.path)
  }
  for (const [path, count] of counts) if (count > state.floor) wrong.push(`${path} forgotten with ${count}`)
  return wrong
}

const calls = fc.array(
  fc.record({ path: fc.integer({ min: 0, max: 40 }).map((n) => `/${n}`), micros: fc.nat(1000) }),
  { maxLength: 400 },
)

t.test('true counts lie within the stated error, whatever the batching and merging', async (t) => {
  fc.assert(
    fc.property(
      calls,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 5 }),
      (list, capacity, pruneEvery, ways) => {
        t.strictSame(violations(sketchOf(list, capacity, pruneEvery).state(), list, capacity), [])
        const shards = Array.from({ length: ways }, (_, way) => list.filter((_call, i) => i % ways === way))
        const merged = mergeTopSketches(
          shards.map((shard) => sketchOf(shard, capacity, pruneEvery).state()),
          capacity,
        )
        t.strictSame(violations(merged, list, capacity), [])
        return t.passing()
      },
    ),
    { seed: 21, numRuns: 300 },
  )
})

t.test('while the keys fit, counts, failures and latencies are exact', async (t) => {
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 4 }), (list, ways) => {
      const shards = Array.from({ length: ways }, (_, way) => list.filter((_call, i) => i % ways === way))
      const merged = mergeTopSketches(
        shards.map((shard) => sketchOf(shard, 64, 7).state()),
        64,
      )
      t.equal(merged.floor, 0)
      for (const entry of merged.entries) {
        const mine = list.filter(({ path }) => path === entry.path).map(({ micros }) => micros)
        t.strictSame(
          [entry.count, entry.error, entry.failures, entry.bestMicros, entry.worstMicros],
          [mine.length, 0, mine.filter((m) => m % 2 === 1).length, Math.min(...mine), Math.max(...mine)],
        )
      }
      return t.passing()
    }),
    { seed: 22, numRuns: 200 },
  )
})

t.test('of keys as heavy as each other the first by id stay, in whatever order they came', async (t) => {
  fc.assert(
    fc.property(calls, fc.integer({ min: 1, max: 30 }), (list, capacity) => {
      const counts = [...truth(list)].map(([path, count]) => ({ path, count }))
      counts.sort((a, b) => b.count - a.count || (a.path < b.path ? -1 : 1))
      // Pruned once, at the end: after the first call there is nothing to forget.
      const { entries, floor } = sketchOf(list, capacity, list.length + 1).state()
      t.strictSame(
        entries.map(({ path, count }) => ({ path, count })),
        counts.slice(0, capacity),
      )
      t.equal(floor, counts[capacity]?.count ?? 0)
    }),
    { seed: 24, numRuns: 200 },
  )
})

t.test('the heavy keys of a Zipf stream with 100,000 paths are all found', async (t) => {
  const next = random(23)
  const weights = Array.from({ length: 100_000 }, (_, i) => 1 / (i + 1) ** 1.1)
  const cumulative: number[] = []
  let sum = 0
  for (const weight of weights) cumulative.push((sum += weight))
  const draw = () => {
    const at = next() * sum
    let low = 0
    let high = cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (cumulative[middle]! < at) low = middle + 1
      else high = middle
    }
    return low
  }
  const list = Array.from({ length: 200_000 }, () => ({ path: `/${draw()}`, micros: 1 }))
  const state = sketchOf(list, 128, 5000).state()
  t.strictSame(violations(state, list, 128), [])
  const heaviest = [...truth(list)].toSorted(([, a], [, b]) => b - a).slice(0, 20)
  for (const [path] of heaviest)
    t.ok(
      state.entries.some((entry) => entry.path === path),
      path,
    )
})
