import t from 'tap'
import { HISTOGRAM_BUCKETS, bucketOf, upperBoundMicros } from '../../src/rollup/histogram.ts'
import { connection, request, times } from '../query/events.ts'
import { NOW, storeOf } from '../query/world.ts'
import { random } from '../random.ts'
import { type Histogram, parseProtobuf } from './parse-protobuf.ts'
import { pageOf, PROTOBUF, samplesOf, scrape } from './scrape.ts'

/** Counts by native index, as Prometheus reads spans and deltas. */
function nativeCounts({ positiveSpan = [], positiveDelta = [] }: Histogram): Map<number, number> {
  const counts = new Map<number, number>()
  let index = 0
  let count = 0
  let next = 0
  positiveSpan.forEach(({ offset, length }, i) => {
    index = i === 0 ? offset : index + offset
    for (let j = 0; j < length; j++) {
      count += positiveDelta[next++]!
      if (count !== 0) counts.set(index, count)
      index++
    }
  })
  return counts
}

t.test('native histograms have each latency in its bucket, classic buckets beside them', async (t) => {
  const next = random(7)
  const latencies = [
    0,
    0,
    1,
    3,
    999,
    1000,
    1001,
    2 ** 31,
    ...times(300, () => Math.round(10 ** (8 * next()))),
  ]
  const store = await storeOf(latencies.map((latencyMicros) => request('web', 'voting', { latencyMicros })))
  const { body } = await scrape(pageOf(store), { accept: PROTOBUF })
  const found = parseProtobuf(body).find(({ name }) => name === 'response_latency_ms')
  const histogram = found?.metric[0]?.histogram
  t.ok(histogram !== undefined)
  if (histogram === undefined) return
  t.equal(histogram.schema, 5)
  t.equal(histogram.sampleCount, latencies.length)
  t.equal(histogram.sampleSum, latencies.reduce((a, b) => a + b) / 1000)
  t.equal(histogram.zeroCount, 2)
  const counts = nativeCounts(histogram)
  const want = new Map<number, number>()
  for (const micros of latencies.filter((latency) => latency > 0)) {
    // Prometheus: bucket i of schema 5 has the values in (2^((i − 1)/32), 2^(i/32)].
    const index = bucketOf(micros) - 319
    const bound = 1000 * 2 ** (index / 32)
    t.ok(
      micros <= bound * (1 + 1e-12) && micros > (bound / 2 ** (1 / 32)) * (1 - 1e-12),
      `${micros} µs in ${index}`,
    )
    want.set(index, (want.get(index) ?? 0) + 1)
  }
  t.strictSame(
    [...counts].toSorted(([a], [b]) => a - b),
    [...want].toSorted(([a], [b]) => a - b),
  )
  t.equal(histogram.bucket.length, 26)
  t.equal(histogram.bucket.at(-1)?.cumulativeCount, latencies.length)
  t.equal(upperBoundMicros(HISTOGRAM_BUCKETS - 1), 1000 * 2 ** 30)
})

t.test('protobuf says what the text says, and when series began', async (t) => {
  const events = [
    ...times(700, (i) =>
      request('web', 'voting', {
        latencyMicros: i,
        status: i % 3 === 0 ? 500 : 200,
        destination: { pod: `"pod"\n${i}` },
      }),
    ),
    connection('web', 'voting', { open: 3, opened: 4, readBytes: 2 ** 40 }),
  ]
  const page = pageOf(await storeOf(events))
  const text = await samplesOf(page)
  const families = parseProtobuf((await scrape(page, { accept: PROTOBUF })).body)
  const said = families.flatMap(({ name, metric }) =>
    metric.flatMap(({ label = [], counter, gauge, histogram }) => {
      const labels = Object.fromEntries(label.map((pair) => [pair.name, pair.value]))
      if (histogram === undefined) return [{ name, labels, value: (counter ?? gauge)!.value }]
      return [
        ...histogram.bucket.map(({ upperBound, cumulativeCount }) => ({
          name: `${name}_bucket`,
          labels: { ...labels, le: upperBound === Infinity ? '+Inf' : String(upperBound) },
          value: cumulativeCount,
        })),
        { name: `${name}_sum`, labels, value: histogram.sampleSum },
        { name: `${name}_count`, labels, value: histogram.sampleCount },
      ]
    }),
  )
  t.strictSame(said, text)
  const latency = families.filter(({ name }) => name === 'response_latency_ms')
  t.ok(latency.length > 1, 'a family of many series is several messages')
  t.strictSame(latency[0]?.metric[0]?.histogram?.createdTimestamp, {
    seconds: Math.floor((NOW - 15_000) / 1000),
    nanos: 0,
  })
})
