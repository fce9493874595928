import t from 'tap'
import { request } from '../query/events.ts'
import { NOW, storeOf } from '../query/world.ts'
import { parseProtobuf } from './parse-protobuf.ts'
import { pageOf, PROTOBUF, samplesOf, scrape } from './scrape.ts'

const trace = (digit: string) => digit.repeat(32)

/** Fast and slow ones of two pods, in a closed and in an open bucket. */
const EVENTS = [
  request('web', 'voting', { latencyMicros: 900_500, traceId: trace('a'), ago: 100 }),
  request('web', 'voting', { latencyMicros: 45_250, traceId: trace('b'), ago: 15 }),
  request('web', 'voting', { latencyMicros: 100, traceId: trace('c'), ago: 15 }),
  request('bot', 'voting', { latencyMicros: 20_000, traceId: trace('d'), ago: 15 }),
  request('web', 'emoji', { latencyMicros: 3_000_000 }),
]

t.test('OpenMetrics has the newest slow request of a label set on the bucket it is in', async (t) => {
  const samples = await samplesOf(pageOf(await storeOf(EVENTS)), { isOpenMetrics: true })
  for (const level of ['', 'route_']) {
    const found = samples.filter(
      ({ name, exemplar }) => name.startsWith(`${level}response_latency_ms`) && exemplar !== undefined,
    )
    t.strictSame(
      found.map(({ name, labels, exemplar }) => [name, labels['deployment'], labels['le'], exemplar]),
      [
        [
          `${level}response_latency_ms_bucket`,
          'voting',
          '50.0',
          { labels: { trace_id: trace('b') }, value: 45.25, timeSeconds: (NOW - 15_000) / 1000 },
        ],
      ],
    )
  }
})

t.test('an exemplar is on the bucket of its own latency, also beyond the last bound', async (t) => {
  for (const [latencyMicros, le] of [
    [0, '1.0'],
    [1000, '1.0'],
    [1001, '2.0'],
    [10_050, '20.0'],
    [50_000_000, '50000.0'],
    [50_000_001, '+Inf'],
  ] as const) {
    const store = await storeOf([request('web', 'voting', { latencyMicros, traceId: trace('a') })])
    const samples = await samplesOf(pageOf(store), { isOpenMetrics: true })
    const found = samples.filter(
      ({ name, exemplar }) => name.startsWith('response_') && exemplar !== undefined,
    )
    t.strictSame(
      found.map(({ labels, exemplar }) => [labels['le'], exemplar?.value]),
      [[le, latencyMicros / 1000]],
    )
  }
})

t.test('the text format has no exemplars', async (t) => {
  const { body } = await scrape(pageOf(await storeOf(EVENTS)))
  t.notMatch(body.toString(), /trace_id/)
})

t.test(
  'protobuf has it on the classic bucket, where Prometheus looks for native histograms too',
  async (t) => {
    const { body } = await scrape(pageOf(await storeOf(EVENTS)), { accept: PROTOBUF })
    const found = parseProtobuf(body)
      .filter(({ name }) => name === 'response_latency_ms')
      .flatMap(({ metric }) => metric)
      .flatMap(({ histogram }) => histogram!.bucket)
      .filter(({ exemplar }) => exemplar !== undefined)
    t.strictSame(found, [
      {
        cumulativeCount: 3,
        upperBound: 50,
        exemplar: {
          label: [{ name: 'trace_id', value: trace('b') }],
          value: 45.25,
          timestamp: { seconds: Math.floor((NOW - 15_000) / 1000), nanos: 0 },
        },
      },
    ])
  },
)
