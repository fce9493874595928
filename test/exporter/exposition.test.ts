import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import { LATENCY_BOUNDS } from '../../src/exporter/families.ts'
import { QUANTILE_ERROR } from '../../src/rollup/histogram.ts'
import { connection, request, times } from '../query/events.ts'
import { NOW, storeOf } from '../query/world.ts'
import { trafficEvents } from '../rollup/traffic.ts'
import { parseText } from './parse-text.ts'
import { OPENMETRICS, pageOf, samplesOf, scrape, sumOf } from './scrape.ts'

const GOLDEN = join(import.meta.dirname, '../fixtures/exporter')

/** A small mesh that has one of everything. */
const EVENTS: MeshEvent[] = [
  request('web', 'voting', {
    latencyMicros: 1500,
    tls: true,
    authority: 'voting.emojivoto',
    path: '/vote/1',
    traceId: '0af7651916cd43dd8448eb211c80319c',
  }),
  request('web', 'voting', { latencyMicros: 700, status: 503, path: '/vote/2', ago: 100 }),
  request('web', 'shop/sts:redis', { direction: 'outbound', grpcStatus: 13, latencyMicros: 60_000_000 }),
  connection('web', 'voting', { open: 3, opened: 4, closed: 1, readBytes: 10, writtenBytes: 20 }),
]

for (const [name, accept] of [
  ['text', undefined],
  ['openmetrics', OPENMETRICS],
] as const) {
  t.test(`a small mesh in ${name} is as the golden file has it`, async (t) => {
    const page = pageOf(await storeOf(EVENTS))
    const { body } = await scrape(page, accept === undefined ? {} : { accept })
    t.equal(body.toString(), readFileSync(join(GOLDEN, `${name}.golden`), 'utf8'))
  })
}

t.test('every request is counted once, whatever partition, bucket and scope it is in', async (t) => {
  const arbitrary = fc.array(trafficEvents({ fromMs: NOW - 300_000, toMs: NOW - 1 }), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(arbitrary, fc.boolean(), async (events, isOpenMetrics) => {
      const store = await storeOf(events, { partitionOf: (_event, i) => i % 3 })
      const samples = await samplesOf(pageOf(store), { isOpenMetrics })
      for (const direction of ['inbound', 'outbound'] as const) {
        for (const name of ['web', 'voting', 'emoji']) {
          const own = events.filter((event) => {
            const reporter = direction === 'inbound' ? event.destination : event.source
            return event.direction === direction && reporter?.name === name
          })
          const requests = own.filter((event) => event.kind === 'request')
          const connections = own.filter((event) => event.kind === 'connection')
          const labels = { direction, deployment: name, cluster: 'east' }
          const check = (metric: string, want: number, more: Record<string, string> = {}) =>
            t.equal(sumOf(samples, metric, { ...labels, ...more }), want, `${metric} of ${name}`)
          for (const level of ['', 'route_']) {
            check(`${level}request_total`, requests.length)
            check(`${level}response_total`, requests.length)
            const ok = requests.filter(({ status }) => status === 404)
            check(`${level}response_total`, ok.length, { status_code: '404', classification: 'success' })
            check(`${level}response_latency_ms_count`, requests.length)
            check(`${level}response_latency_ms_bucket`, requests.length, {
              le: '+Inf',
            })
          }
          const micros = requests.reduce((sum, { latencyMicros }) => sum + latencyMicros, 0)
          const sum = sumOf(samples, 'response_latency_ms_sum', labels)
          t.ok(Math.abs(sum - micros / 1000) < 1e-6, 'sums are exact')
          for (const bound of LATENCY_BOUNDS) {
            const le = isOpenMetrics ? `${bound}.0` : String(bound)
            const got = sumOf(samples, 'response_latency_ms_bucket', { ...labels, le })
            const below = (limit: number) =>
              requests.filter(({ latencyMicros }) => latencyMicros <= limit * bound * 1000).length
            t.ok(got >= below(1 - QUANTILE_ERROR) && got <= below(1 + QUANTILE_ERROR), `le ${bound}`)
          }
          for (const [metric, field] of [
            ['tcp_open_total', 'opened'],
            ['tcp_close_total', 'closed'],
            ['tcp_read_bytes_total', 'readBytes'],
            ['tcp_write_bytes_total', 'writtenBytes'],
          ] as const) {
            const want = connections.reduce((sum, event) => sum + (event[field] ?? 0), 0)
            check(metric, want, { peer: direction === 'inbound' ? 'src' : 'dst' })
          }
        }
      }
    }),
    { numRuns: 25 },
  )
})

t.test(
  'open connections are what proxies last said, series by series, while they are heard of',
  async (t) => {
    const store = await storeOf([
      connection('web', 'voting', { ago: 30, open: 9, opened: 9 }),
      connection('web', 'voting', { ago: 25, open: 4 }),
      connection('bot', 'voting', { ago: 25, open: 2 }),
      connection('bot', 'silent', { ago: 200, open: 7 }),
      connection('web', 'counting', { ago: 25, opened: 5, closed: 2 }),
    ])
    const samples = await samplesOf(pageOf(store))
    const open = (deployment: string) => sumOf(samples, 'tcp_open_connections', { deployment })
    t.strictSame(['voting', 'silent', 'counting'].map(open), [6, 0, 3])
  },
)

t.test('label values of any text give an exposition that parses, and differ where they did', async (t) => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '"',
      '\\',
      '\n',
      '\\n',
      '"} 1\n',
      'é'.repeat(9000),
      '\ud800',
      '\u0000',
      'a'.repeat(10_000),
    ),
    fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString()),
  )
  await fc.assert(
    fc.asyncProperty(hostile, hostile, hostile, async (authority, route, pod) => {
      const event = request('web', 'voting', { authority, route, destination: { pod } })
      const page = pageOf(await storeOf([event]))
      for (const isOpenMetrics of [false, true]) {
        const samples = await samplesOf(page, { isOpenMetrics })
        const [sample] = samples.filter(({ name }) => name === 'route_request_total')
        t.equal(sample?.value, 1)
        const value = sample!.labels['rt_route'] ?? ''
        t.ok(Buffer.byteLength(value) <= 1024)
        if (/^[\x20-\x7e\n]{1,1024}$/.test(route)) t.equal(value, route)
      }
    }),
    { numRuns: 100 },
  )
})

t.test('a scrape may be of a cluster, a namespace or a shard; shards have all, each once', async (t) => {
  const events = times(60, (i) =>
    request('web', `ns${'abcdefghij'[i % 10]}/voting`, {
      destination: { cluster: i % 2 === 0 ? 'east' : 'west' },
    }),
  )
  const page = pageOf(await storeOf(events))
  const count = async (query: string) => sumOf(await samplesOf(page, { query }), 'request_total')
  t.equal(await count(''), 60)
  t.equal(await count('namespace=nsa'), 6)
  t.equal(await count('cluster=west'), 30)
  t.equal(await count('cluster=west&namespace=nsa'), 0)
  const shards = await Promise.all([1, 2, 3].map((shard) => count(`shard=${shard}/3`)))
  t.equal(
    shards.reduce((a, b) => a + b),
    60,
  )
  t.ok(shards.every((shard) => shard > 0 && shard < 60))
  for (const query of ['shard=0/3', 'shard=4/3', 'shard=x', 'pod=a', 'cluster=a&cluster=b', 'shard=1/2000']) {
    await t.rejects(page.answer({ parameters: new URLSearchParams(query), accept: '', acceptEncoding: '' }), {
      status: 400,
      code: 'BAD_PARAMETER',
    })
  }
})

t.test('beyond the limit of series a scrape has what it may, whole, and says what it lacks', async (t) => {
  const events = times(50, (i) => request('web', 'voting', { destination: { pod: `pod-${i}` }, ago: 100 }))
  const samples = await samplesOf(pageOf(await storeOf(events), { maxSeries: 20 }))
  t.equal(samples.filter(({ name }) => name === 'request_total').length, 20)
  t.equal(sumOf(samples, 'meshtap_exporter_series'), 40)
  t.equal(sumOf(samples, 'meshtap_exporter_series_limited'), 60)
})

t.test('a store that holds nothing has no series, and an exposition all the same', async (t) => {
  const { body } = await scrape(pageOf(await storeOf([])), { accept: OPENMETRICS })
  t.strictSame(
    [...parseText(body.toString(), { isOpenMetrics: true }).keys()],
    ['meshtap_exporter_mesh_up', 'meshtap_exporter_series', 'meshtap_exporter_series_limited'],
  )
})
