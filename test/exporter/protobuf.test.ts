import protobuf from 'protobufjs'
import t from 'tap'
import { HISTOGRAM_BUCKETS, bucketOf, upperBoundMicros } from '../../src/rollup/histogram.ts'
import { connection, request, times } from '../query/events.ts'
import { NOW, storeOf } from '../query/world.ts'
import { random } from '../random.ts'
import { pageOf, PROTOBUF, samplesOf, scrape } from './scrape.ts'

/** The parts of Prometheus' client model that are used here. */
const { root } = protobuf.parse(`
  syntax = "proto2";
  message LabelPair { optional string name = 1; optional string value = 2; }
  message Gauge { optional double value = 1; }
  message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
  message Counter { optional double value = 1; optional Timestamp created_timestamp = 3; }
  message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; }
  message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
  message Histogram {
    optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3;
    optional sint32 schema = 5; optional double zero_threshold = 6; optional uint64 zero_count = 7;
    repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13;
    optional Timestamp created_timestamp = 15;
  }
  message Metric {
    repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Histogram histogram = 7;
  }
  message MetricFamily {
    optional string name = 1; optional string help = 2; optional int32 type = 3; repeated Metric metric = 4;
  }`)
const MetricFamily = root.lookupType('MetricFamily')

interface Started {
  readonly createdTimestamp?: { readonly seconds: number; readonly nanos: number }
}
interface Histogram extends Started {
  readonly sampleCount: number
  readonly sampleSum: number
  readonly bucket: readonly { readonly cumulativeCount: number; readonly upperBound: number }[]
  readonly schema: number
  readonly zeroCount: number
  readonly positiveSpan?: readonly { readonly offset: number; readonly length: number }[]
  readonly positiveDelta?: readonly number[]
}
interface Metric {
  readonly label?: readonly { readonly name: string; readonly value: string }[]
  readonly gauge?: { readonly value: number }
  readonly counter?: Started & { readonly value: number }
  readonly histogram?: Histogram
}
interface Parsed {
  readonly name: string
  readonly type: number
  readonly metric: readonly Metric[]
}

function parse(body: Buffer): Parsed[] {
  const reader = protobuf.Reader.create(body)
  const families: Parsed[] = []
  while (reader.pos < reader.len) {
    const message = MetricFamily.decodeDelimited(reader)
    families.push(MetricFamily.toObject(message, { longs: Number }) as Parsed)
  }
  return families
}

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
  const found = parse(body).find(({ name }) => name === 'response_latency_ms')
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
  const families = parse((await scrape(page, { accept: PROTOBUF })).body)
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
