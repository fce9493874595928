import type { Readable } from 'node:stream'
import t from 'tap'
import { ownPage } from '../../src/exporter/own-page.ts'
import { StoreError } from '../../src/store/rollup-store.ts'
import type { OwnSamples } from '../../src/telemetry/own-samples.ts'
import { request } from '../query/events.ts'
import { storeOf } from '../query/world.ts'
import { parseProtobuf } from './parse-protobuf.ts'
import { OPENMETRICS, pageOf, PROTOBUF, samplesOf, sumOf } from './scrape.ts'

const OWN: readonly OwnSamples[] = [
  {
    name: 'a_seconds',
    help: 'Times.',
    type: 'histogram',
    samples: [{ labels: { of: 'b"c' }, bounds: [0.5, 1], cumulative: [1, 3, 4], sum: 7.25 }],
  },
  { name: 'd_total', help: 'Counted.', type: 'counter', samples: [{ labels: {}, value: 5 }] },
  { name: 'e', help: 'Of nothing yet.', type: 'gauge', samples: [] },
]

async function answered(accept?: string): Promise<Buffer> {
  const page = ownPage(async () => OWN)
  const { body } = await page({ parameters: new URLSearchParams(), accept, acceptEncoding: undefined })
  return Buffer.concat(await (body as Readable).toArray())
}

t.test('own metrics are written in each format', async (t) => {
  const histogram = (bound: string) =>
    `# TYPE a_seconds histogram
a_seconds_bucket{of="b\\"c",le="0.5"} 1
a_seconds_bucket{of="b\\"c",le="${bound}"} 3
a_seconds_bucket{of="b\\"c",le="+Inf"} 4
a_seconds_sum{of="b\\"c"} 7.25
a_seconds_count{of="b\\"c"} 4
`
  t.equal(
    (await answered()).toString(),
    `# HELP a_seconds Times.\n${histogram('1')}# HELP d_total Counted.\n# TYPE d_total counter\nd_total{} 5\n`,
  )
  t.equal(
    (await answered(OPENMETRICS)).toString(),
    `# HELP a_seconds Times.\n${histogram('1.0')}# HELP d Counted.\n# TYPE d counter\nd_total{} 5\n# EOF\n`,
  )
  const [times, counted, ...others] = parseProtobuf(await answered(PROTOBUF))
  t.match(times, {
    name: 'a_seconds',
    metric: [
      {
        label: [{ name: 'of', value: 'b"c' }],
        histogram: {
          sampleCount: 4,
          sampleSum: 7.25,
          bucket: [
            { cumulativeCount: 1, upperBound: 0.5 },
            { cumulativeCount: 3, upperBound: 1 },
            { cumulativeCount: 4, upperBound: Number.POSITIVE_INFINITY },
          ],
        },
      },
    ],
  })
  t.match(counted, { name: 'd_total', metric: [{ counter: { value: 5 } }] })
  t.equal(others.length, 0)
})

t.test('a store that does not answer hides the mesh, and nothing else', async (t) => {
  const store = await storeOf([request('web', 'voting')])
  const away: string[] = []
  const page = pageOf(store, { own: async () => OWN, onAway: ({ code }) => away.push(code) })
  const whole = await samplesOf(page)
  t.equal(sumOf(whole, 'meshtap_exporter_mesh_up'), 1)
  t.equal(sumOf(whole, 'request_total'), 1)
  t.equal(sumOf(whole, 'd_total'), 5)
  store.failure = new StoreError('STORE_UNAVAILABLE', 'gone')
  const alone = await samplesOf(page)
  t.strictSame(
    new Set(alone.map(({ name }) => name.replace(/_(bucket|sum|count)$/, ''))),
    new Set(['meshtap_exporter_mesh_up', 'a_seconds', 'd_total']),
  )
  t.equal(sumOf(alone, 'meshtap_exporter_mesh_up'), 0)
  t.strictSame(away, ['STORE_UNAVAILABLE'])
  store.failure = undefined
  t.equal(sumOf(await samplesOf(page), 'request_total'), 1)
  t.strictSame(page.outcomes, { complete: 2, own: 1, broken: 0, refused: 0 })
})

t.test('a limit of series hides no metric of its own', async (t) => {
  const store = await storeOf([request('web', 'voting'), request('web', 'emoji')])
  const page = pageOf(store, { own: async () => OWN, maxSeries: 1 })
  const limited = await samplesOf(page)
  t.equal(sumOf(limited, 'd_total'), 5)
  t.ok(sumOf(limited, 'meshtap_exporter_series_limited') > 0)
})
