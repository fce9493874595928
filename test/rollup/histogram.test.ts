import fc from 'fast-check'
import t from 'tap'
import {
  bucketOf,
  HISTOGRAM_BUCKETS,
  HISTOGRAM_INDEX_OFFSET,
  QUANTILE_ERROR,
  quantileMicros,
  typicalMicros,
  upperBoundMicros,
} from '../../src/rollup/histogram.ts'
import { random } from '../random.ts'

const MAX_MICROS = 1000 * 2 ** 30

t.test('a latency falls into the one bucket whose bounds hold it', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: MAX_MICROS })),
      (micros) => {
        const bucket = bucketOf(micros)
        return upperBoundMicros(bucket - 1) < micros && micros <= upperBoundMicros(bucket)
      },
    ),
    { seed: 1, numRuns: 20_000 },
  )
  t.equal(bucketOf(0), 0)
  t.equal(bucketOf(1), 1, 'the first bucket begins at one microsecond')
  for (let power = 0; power < 40; power++) {
    const bucket = bucketOf(1000 * 2 ** power)
    t.equal(bucket, HISTOGRAM_INDEX_OFFSET + 32 * power > 1279 ? 1279 : HISTOGRAM_INDEX_OFFSET + 32 * power)
    if (bucket < 1279) t.equal(bucketOf(1000 * 2 ** power + 1), bucket + 1, `2^${power} ms is an upper bound`)
  }
})

t.test('buckets ascend and cover every whole number without a gap', async (t) => {
  for (let micros = 1; micros < 300_000; micros++) {
    const step = bucketOf(micros + 1) - bucketOf(micros)
    if (step < 0) t.fail(`bucket of ${micros + 1} is below that of ${micros}`)
  }
  t.equal(bucketOf(Number.MAX_SAFE_INTEGER), HISTOGRAM_BUCKETS - 1, 'what is longer is in the last')
})

t.test('a bucket’s answer is within 1.1 % of every latency in it', async (t) => {
  t.ok(QUANTILE_ERROR <= 0.011, `${QUANTILE_ERROR}`)
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MAX_MICROS / 2 }), (micros) => {
      return Math.abs(typicalMicros(bucketOf(micros)) - micros) <= QUANTILE_ERROR * micros * (1 + 1e-12)
    }),
    { seed: 2, numRuns: 50_000 },
  )
})

const next = random(3)
const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
const distributions: Readonly<Record<string, () => number>> = {
  uniform: () => 1 + next() * 1_000_000,
  'log-normal': () => Math.exp(Math.log(3000) + 1.2 * normal()),
  bimodal: () => (next() < 0.9 ? 1500 + 200 * normal() : 800_000 + 50_000 * normal()),
  'under 50 µs': () => 1 + next() * 50,
}

for (const [name, draw] of Object.entries(distributions)) {
  t.test(`quantiles of a ${name} sample are within 1.1 % of the exact ones`, async (t) => {
    const sample = Array.from({ length: 100_000 }, () => Math.max(0, Math.round(draw())))
    const counts = new Float64Array(HISTOGRAM_BUCKETS)
    for (const micros of sample) counts[bucketOf(micros)]!++
    sample.sort((a, b) => a - b)
    for (const q of [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
      const exact = sample[Math.max(1, Math.ceil(q * sample.length)) - 1]!
      const got = quantileMicros(counts, 0, sample.length, q)
      t.ok(Math.abs(got - exact) <= 0.011 * exact, `p${100 * q}: ${got} for ${exact}`)
    }
  })
}
