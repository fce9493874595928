import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { CandidateSampler } from '../../src/tap/candidate-sampler.ts'
import { HeldBudget } from '../../src/tap/lowest.ts'
import { RateSampler } from '../../src/tap/rate-sampler.ts'
import { rateOf, SLICE_MS, WORKER_SLICE_MS } from '../../src/tap/sampling.ts'
import { SpanCounts } from '../../src/tap/span-counts.ts'
import { random } from '../random.ts'
import { byTime, mostWithin, plus, poisson, sample, steady, unevenness } from './sampling-run.ts'

const ROUNDS = 60

t.test('a burst of a second at 10,000 events a second is sampled evenly over time and workers', async (t) => {
  for (const workers of [3, 1]) {
    let tenths: number[] = []
    const byWorker = Array.from({ length: workers }, () => 0)
    for (let seed = 1; seed <= ROUNDS; seed++) {
      // The burst begins anywhere in a slice, in a second.
      const outcome = sample({
        workers,
        maxRps: 100,
        seed,
        stream: steady(10, 1000),
        quietMs: 2000 + 37 * seed,
      })
      // What was spare comes on top where the burst's first events were alone in a slice.
      t.ok(outcome.kept.length >= 95 && outcome.kept.length <= 120, `${outcome.kept.length} kept`)
      tenths = plus(tenths, byTime(outcome, 10, 1000))
      for (const { entry } of outcome.kept) byWorker[entry.worker]!++
    }
    // Passed by chance once in a thousand times: 3.5 by 7 degrees of freedom, 7 by 2.
    const inner = tenths.slice(1, -1)
    t.ok(unevenness(inner) < 3.5, `over time: ${tenths.join(' ')}`)
    if (workers > 1) t.ok(unevenness(byWorker) < 7, `over workers: ${byWorker.join(' ')}`)
    // The burst's first and last slice are sampled as whole ones, though it fills only a part of them.
    for (const edge of [tenths[0]!, tenths[9]!]) {
      const more = edge / ROUNDS - inner.reduce((sum, count) => sum + count, 0) / inner.length / ROUNDS
      t.ok(more > -1 && more < 5, `${more} more at an edge: ${tenths.join(' ')}`)
    }
  }
})

t.test(
  'every rate that is too fast, every limit, is sampled evenly from the first to the last second',
  async (t) => {
    for (const [perMs, maxRps] of [
      [1, 100],
      [0.3, 100],
      [2, 7.5],
      [2, 1],
      [8, 1000],
    ] as const) {
      const seconds = Math.max(4, 8 / maxRps)
      const stream = Array.from(
        { length: 1000 * seconds },
        (_, i) => Math.floor((i + 1) * perMs) - Math.floor(i * perMs),
      )
      let parts: number[] = []
      for (let seed = 1; seed <= 25; seed++) {
        const outcome = sample({ workers: 3, maxRps, seed, stream, quietMs: 2000 + 37 * seed })
        parts = plus(parts, byTime(outcome, 8, stream.length))
      }
      // What is spare at first is taken from the rest of the first second.
      t.ok(unevenness(parts.slice(2, -1)) < 3.5, `${maxRps} of ${1000 * perMs}: ${parts.join(' ')}`)
      const mean = parts.reduce((sum, count) => sum + count, 0) / 25 / seconds
      t.ok(mean > 0.97 * maxRps && mean < 1.1 * maxRps + 0.5, `${maxRps}: ${mean} a second`)
    }
  },
)

t.test('a stream somewhat too fast is sampled evenly over each second, and over workers', async (t) => {
  for (const perSecond of [105, 120, 150]) {
    const next = random(7)
    let tenths: number[] = []
    const byWorker = [0, 0, 0]
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const stream = poisson(next, perSecond / 1000, 3000)
      const outcome = sample({ workers: 3, maxRps: 100, seed, stream, quietMs: 2000 + 37 * seed })
      tenths = plus(tenths, byTime(outcome, 30, 3000))
      for (const { entry } of outcome.kept) byWorker[entry.worker]!++
    }
    // The first second begins with what is spare; the last slice is followed by nothing.
    t.ok(unevenness(tenths.slice(10, -1)) < 2, `${perSecond} over time: ${tenths.join(' ')}`)
    t.ok(unevenness(byWorker) < 7, `${perSecond} over workers: ${byWorker.join(' ')}`)
  }
})

t.test('no second sees more than the limit, whatever comes', async (t) => {
  const calm = fc.nat(2)
  const spike = fc.nat(400)
  fc.assert(
    fc.property(
      fc.constantFrom(1, 5, 20, 100),
      fc.array(fc.oneof({ weight: 20, arbitrary: calm }, { weight: 1, arbitrary: spike }), {
        maxLength: 3000,
      }),
      fc.integer(),
      (maxRps, stream, seed) => {
        const most = mostWithin(1000, sample({ workers: 2, maxRps, seed, stream }))
        assert.ok(most <= maxRps, `${most} in a second`)
      },
    ),
    { numRuns: 40 },
  )
  t.pass()
})

t.test('nothing is left out while no second has more than the limit', async (t) => {
  let events = 0
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ atMs: fc.nat(4000), events: fc.nat(200) }), { maxLength: 12 }),
      fc.integer(),
      (maxRps, workers, bursts, seed) => {
        const stream = steady(0, 4001)
        for (const burst of bursts) {
          // A second as the gateway sees it may be longer by a worker's slice and its own.
          const near = stream.slice(Math.max(0, burst.atMs - 1100), burst.atMs + 1100)
          const room = maxRps - near.reduce((sum, count) => sum + count, 0)
          stream[burst.atMs]! += Math.max(0, Math.min(burst.events, room))
        }
        const { leftOut, matched } = sample({ workers, maxRps, seed, stream })
        events += matched
        assert.equal(leftOut, 0)
      },
    ),
    { numRuns: 60, seed: 11 },
  )
  t.ok(events > 2000, `${events} events`)
})

t.test('of a burst as large as the limit allows, all comes within a second, part by part', async (t) => {
  const stream = [100]
  const { kept, leftOut } = sample({ workers: 1, maxRps: 100, seed: 1, stream, quietMs: 3000 })
  t.equal(leftOut, 0)
  const times = kept.map(({ atMs }) => atMs)
  t.equal(times.filter((ms) => ms === times[0]).length, 5)
  t.ok(times.every((ms) => ms <= 1000 + SLICE_MS))
})

t.test('below the limit, at it, and above it, what is kept is there at once', async (t) => {
  const next = random(9)
  for (const [perSecond, maxRps, workers] of [
    [2, 100, 1],
    [30, 100, 3],
    [70, 100, 3],
    [80, 100, 1],
    [80, 100, 8],
    [90, 100, 1],
    [100, 100, 1],
    [100, 100, 3],
    [110, 100, 3],
    [130, 100, 8],
    [200, 100, 3],
    [800, 1000, 3],
    [1000, 1000, 3],
    [9000, 10_000, 3],
    [10_000, 100, 3],
    [10_000, 1000, 3],
  ] as const) {
    const name = `${perSecond} of ${maxRps} a second from ${workers}`
    const stream = poisson(next, perSecond / 1000, perSecond > 2000 ? 4000 : 20_000)
    const { kept, leftOut, matched } = sample({ workers, maxRps, seed: 4, stream, quietMs: 2000 })
    const waitsMs = kept.map(({ entry, atMs }) => atMs - entry.timeMs).toSorted((a, b) => a - b)
    const p99 = waitsMs[Math.floor(waitsMs.length * 0.99)]!
    t.ok(p99 <= WORKER_SLICE_MS + SLICE_MS, `${name}: ${p99} ms`)
    // At more some second has too many by chance.
    if (perSecond <= 0.7 * maxRps) t.equal(leftOut, 0, name)
    const share = kept.length / Math.min(matched, (maxRps * stream.length) / 1000)
    t.ok(share > 0.9, `${name}: ${share} of what might be`)
  }
})

t.test('of a larger one, as many as the limit are kept', async (t) => {
  const { kept } = sample({ workers: 2, maxRps: 100, seed: 1, stream: [1000], quietMs: 3000 })
  t.equal(kept.length, 100)
})

t.test('in a second that has some already, as many of a burst wait as there is room for', async (t) => {
  const stream = steady(0, 2000)
  for (let ms = 0; ms < 1500; ms += 20) stream[ms] = 1
  stream[1501]! += 200
  const { kept } = sample({ workers: 1, maxRps: 100, seed: 1, stream, quietMs: 3000 })
  const ofBurst = kept.filter(({ entry }) => entry.timeMs === 1501).length
  t.ok(ofBurst >= 48 && ofBurst <= 60, `${ofBurst} of the burst`)
})

t.test('a little comes at once, in order', async (t) => {
  const stream = steady(0, 1200)
  for (const ms of [100, 101, 103, 110, 111, 112, 1180, 1190]) stream[ms] = 1
  const { kept } = sample({ workers: 3, maxRps: 100, seed: 1, stream })
  for (const { entry, atMs } of kept) t.ok(atMs - entry.timeMs <= 2 * SLICE_MS, `${entry.timeMs} at ${atMs}`)
  t.equal(kept.length, 8)
})

t.test('a trickle after a flood is still seen', async (t) => {
  const stream = [...steady(100, 50), ...Array.from({ length: 900 }, (_, i) => (i % 25 === 0 ? 1 : 0))]
  const { kept } = sample({ workers: 1, maxRps: 100, seed: 5, stream, quietMs: 3000 })
  const trickle = kept.filter(({ entry }) => entry.timeMs >= 100).length
  t.ok(trickle >= 30, `${trickle} of 34`)
})

t.test('what is drawn for a worker is as if each entry had a priority of its own', async (t) => {
  const [rounds, events, warmUp] = [400, 1000, 60]
  const next = random(12)
  const sampler = new CandidateSampler<{ priority: number }>({ maxRps: 100, nowMs: 0, random: next })
  const means = [0, 0, 0]
  let drawn = 0
  for (let round = 0; round < rounds + warmUp; round++) {
    for (let i = 0; i < events; i++) {
      const priority = sampler.draw()
      if (priority === undefined) continue
      sampler.offer({ priority })
      drawn++
    }
    const { kept, leftOut } = sampler.tick(round * WORKER_SLICE_MS)
    assert.equal(kept.length + leftOut, events, 'each is counted')
    if (round < warmUp) continue
    for (const rank of means.keys()) means[rank]! += kept[rank]!.priority / rounds
  }
  t.ok(drawn < (rounds * events) / 20, `${drawn} drawn`)
  // The lowest of n uniform numbers is 1 / (n + 1) on average, the next twice that; four standard deviations are less.
  for (const [rank, mean] of means.entries()) {
    const ratio = (mean * (events + 1)) / (rank + 1)
    t.ok(ratio > 0.8 && ratio < 1.2, `place ${rank + 1}: ${ratio} of what it should be`)
  }
})

t.test('workers hand on little more than the limit', async (t) => {
  for (const maxRps of [1, 30, 100]) {
    const { candidates } = sample({ workers: 1, maxRps, seed: 2, stream: steady(5, 10_000) })
    // Up to one a slice where less is due; a few times the limit in the first second.
    t.ok(candidates < 10 * (1.4 * maxRps + 1000 / WORKER_SLICE_MS) + 6 * maxRps, `${maxRps}: ${candidates}`)
  }
})

t.test('a limit is so many events in so long', async (t) => {
  t.same(rateOf(100), { events: 100, spanMs: 1000, perSlice: 2.5 })
  t.same(rateOf(0.5), { events: 1, spanMs: 2000, perSlice: 0.0125 })
  t.same(rateOf(1.6), { events: 2, spanMs: 1250, perSlice: 0.04 })
})

t.test('a clock that goes back, or jumps, neither stops a sampler nor loses count', async (t) => {
  const sampler = new RateSampler<{ priority: number }>({ maxRps: 10, nowMs: 0, random: random(1) })
  let [kept, leftOut] = [0, 0]
  const clock = [50, -60_000, -59_950, -58_900, 3_600_000, 3_600_050, 3_602_000]
  for (const ms of clock) {
    for (let i = 0; i < 8; i++) sampler.offer({ priority: i / 8 })
    const frame = sampler.tick(ms)
    kept += frame.kept.length
    leftOut += frame.leftOut
  }
  t.equal(kept + leftOut + sampler.pending, 8 * clock.length)
  t.ok(kept >= 20, `${kept} kept`)
})

t.test(
  'where others hold all there is room for, a worker still hands on what is due to a slice',
  async (t) => {
    const budget = new HeldBudget(10)
    budget.held = 10
    const sampler = new CandidateSampler<{ priority: number }>({
      maxRps: 100,
      nowMs: 0,
      random: random(1),
      budget,
    })
    for (let i = 0; i < 20; i++) sampler.offer({ priority: i / 20 })
    const { kept, leftOut } = sampler.tick(WORKER_SLICE_MS)
    t.same({ kept: kept.map(({ priority }) => priority), leftOut }, { kept: [0, 0.05, 0.1], leftOut: 17 })
  },
)

t.test('what is left out is untold until a tick tells of it', (t) => {
  const sampler = new RateSampler<{ priority: number }>({ maxRps: 10, nowMs: 0, random: random(3) })
  sampler.leaveOut(277)
  sampler.offer({ priority: 0.5 })
  t.equal(sampler.untold, 278)
  const { kept, leftOut } = sampler.tick(SLICE_MS)
  t.equal(leftOut, 277)
  t.equal(kept.length + sampler.untold, 1)
  t.end()
})

t.test('what is held is given back', async (t) => {
  const budget = new HeldBudget(100)
  const sampler = new RateSampler<{ priority: number }>({ maxRps: 20, nowMs: 0, random: random(1), budget })
  for (let ms = SLICE_MS; ms <= 500; ms += SLICE_MS) {
    for (let i = 0; i < 30; i++) sampler.offer({ priority: i / 30 })
    t.equal(budget.held, sampler.pending)
    sampler.tick(ms)
    t.equal(budget.held, sampler.pending)
  }
  t.ok(budget.held > 5, `${budget.held} held`)
  sampler.discard()
  t.equal(budget.held, 0)
})

t.test('the most around a time is the most of any span with it', async (t) => {
  const count = fc.record({ timeMs: fc.nat(60), count: fc.nat(4) })
  fc.assert(
    fc.property(fc.array(count, { maxLength: 15 }), fc.nat(60), (counts, timeMs) => {
      const span = new SpanCounts(20)
      for (const { timeMs, count } of counts) span.add(timeMs, count)
      let most = 0
      for (let from = timeMs - 19; from <= timeMs; from++) {
        const within = counts.filter(({ timeMs }) => timeMs >= from && timeMs < from + 20)
        most = Math.max(
          most,
          within.reduce((sum, { count }) => sum + count, 0),
        )
      }
      assert.equal(span.mostAround(timeMs), most)
    }),
    { numRuns: 500 },
  )
  t.pass()
})
