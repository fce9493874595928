import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { execFile } from 'node:child_process'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import { roleMetrics } from '../../src/app/metrics/role-metrics.ts'
import { Parts } from '../../src/app/parts.ts'
import { startServe } from '../../src/app/serve.ts'
import { roleSettings } from '../../src/config/role-settings.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { TroubleLog } from '../../src/telemetry/trouble-log.ts'
import { prometheusInstallation } from '../../stack/prometheus-binary.ts'
import { OPENMETRICS } from '../exporter/scrape.ts'
import { parseText } from '../exporter/parse-text.ts'
import { OwnExposition } from '../telemetry/own-exposition.ts'

t.setTimeout(120_000)

const JSON_HEADERS = { 'content-type': 'application/json' }
const MINUTE = 60_000

interface Served {
  readonly gatewayUrl: string
  readonly ingestUrl: string
}

async function serve(t: Test): Promise<Served> {
  const logger = createLogger({ level: 'silent', format: 'json' })
  const listen = '127.0.0.1:0'
  const flags = {
    data: `${t.testdir()}/data`,
    listen,
    'ingest-listen': listen,
    'grpc-listen': listen,
    partitions: '1',
    flush: '50ms',
    'series-per-namespace': '10',
  }
  const settings = await roleSettings('serve', { flags, environment: {} })
  const trouble = new TroubleLog(logger, Date.now)
  const parts = new Parts()
  t.teardown(() => parts.close())
  const metrics = roleMetrics({ role: 'serve', version: '1.2.3', trouble })
  const onFatal = (error: unknown) => t.fail(String(error))
  return startServe({ settings, version: '1.2.3', logger, trouble, metrics, parts, onFatal })
}

async function exposed({ gatewayUrl }: Served): Promise<OwnExposition> {
  return new OwnExposition(await (await fetch(`${gatewayUrl}/metrics`)).text())
}

/** What is exposed, once it is as wanted; or after a while, whatever it is. */
async function until(served: Served, isWanted: (exposed: OwnExposition) => boolean): Promise<OwnExposition> {
  const deadline = Date.now() + 30_000
  for (;;) {
    const now = await exposed(served)
    if (isWanted(now) || Date.now() > deadline) return now
    await sleep(50)
  }
}

const event = (ago = 0, more: object = {}) => ({
  kind: 'request',
  time: Date.now() - ago,
  direction: 'inbound',
  destination: { namespace: 'emojivoto', kind: 'deployment', name: 'web', pod: 'web-1' },
  method: 'GET',
  path: '/',
  status: 200,
  latencyMicros: 1000,
  ...more,
})

async function post({ ingestUrl }: Served, events: unknown, headers: Record<string, string> = {}) {
  const body = typeof events === 'string' ? events : JSON.stringify(events)
  const response = await fetch(`${ingestUrl}/v1/events`, {
    method: 'POST',
    headers: { ...JSON_HEADERS, ...headers },
    body,
  })
  await response.arrayBuffer()
  return response.status
}

const offset = (now: OwnExposition) => now.value('meshtap_partition_offset') ?? 0

t.test('what serve exposes is what the table says of it, and true', async (t) => {
  const served = await serve(t)
  const before = await exposed(served)
  t.strictSame(before.differences('serve'), [], 'before anything happened')
  t.equal(before.value('meshtap_build_info', { version: '1.2.3', role: 'serve' }), 1)
  t.equal(before.value('meshtap_exporter_mesh_up'), 1)
  t.equal(before.value('meshtap_gateway_dropped_events_total', { reason: 'bus' }), 0, 'there from the start')

  const connection = { ...event(), kind: 'connection', open: 1, opened: 1, closed: 0 }
  t.equal(await post(served, [event(), event(), connection]), 200)
  await until(served, (now) => offset(now) >= 1)
  t.equal(await post(served, [event(2 * MINUTE)]), 200, 'late')
  t.equal(await post(served, [event(-10 * MINUTE), event(-10 * MINUTE)]), 200, 'ahead of the clock')
  t.equal(await post(served, [event(8 * 24 * 60 * MINUTE)]), 200, 'expired')
  const numbered = { 'meshtap-producer': 'proxy-1', 'meshtap-sequence': '7' }
  for (let i = 0; i < 3; i++) t.equal(await post(served, [event()], numbered), 200)
  const many = Array.from({ length: 30 }, (_, i) =>
    event(0, { destination: { namespace: 'n', name: `d${i}` } }),
  )
  t.equal(await post(served, many), 200)
  t.equal(await post(served, '{'), 400)
  t.equal(await post(served, 'a', { 'content-type': 'text/plain' }), 415)
  for (const path of ['/api/v1/stat?resource=deployment', '/api/v1/stat?resource=nothing', '/nowhere']) {
    await (await fetch(`${served.gatewayUrl}${path}`)).arrayBuffer()
  }
  const tapped = new AbortController()
  const tap = await fetch(`${served.gatewayUrl}/api/v1/tap?resource=namespace/emojivoto`, {
    signal: tapped.signal,
  })
  const socket = new WebSocket(
    `${served.gatewayUrl.replace('http', 'ws')}/api/v1/tap?resource=namespace/emojivoto`,
  )
  await once(socket, 'open')
  t.equal(await post(served, [event()]), 200)
  /** Posts that were taken, and log records made of them: an own one for each workload's events. */
  const [posts, records] = [9, 38]
  const now = await until(
    served,
    (now) => offset(now) >= records && now.value('meshtap_gateway_sent_events_total') === 2,
  )

  t.strictSame(now.differences('serve'), [], 'after everything happened')
  const partition = 'mesh.requests-0'
  for (const [name, labels, want] of [
    ['meshtap_aggregator_events_total', { partition, event: 'request' }, 38],
    ['meshtap_aggregator_events_total', { partition, event: 'connection' }, 1],
    ['meshtap_aggregator_records_total', { partition }, records],
    ['meshtap_aggregator_late_events_total', { partition }, 1],
    ['meshtap_aggregator_future_events_total', { partition }, 2],
    ['meshtap_aggregator_expired_events_total', { partition }, 1],
    ['meshtap_aggregator_duplicate_records_total', { partition }, 2],
    ['meshtap_aggregator_missing_records_total', { partition }, 0],
    ['meshtap_aggregator_lag_records', { partition }, 0],
    ['meshtap_aggregator_partitions', { state: 'claimed' }, 1],
    ['meshtap_aggregator_series_limit', { scope: 'namespace' }, 10],
    ['meshtap_aggregator_claims_total', {}, 1],
    ['meshtap_aggregator_refused_commits_total', { reason: 'stale-epoch' }, 0],
    ['meshtap_aggregator_taps', {}, 1],
    ['meshtap_aggregator_tap_events_total', {}, 1],
    ['meshtap_ingest_events_total', { transport: 'http' }, 41],
    ['meshtap_ingest_records_total', { transport: 'http' }, records],
    ['meshtap_ingest_requests_total', { format: 'json', code: '2xx' }, posts],
    ['meshtap_ingest_requests_total', { format: 'json', code: '4xx' }, 1],
    ['meshtap_ingest_requests_total', { format: 'unknown', code: '4xx' }, 1],
    ['meshtap_ingest_in_flight_bytes', {}, 0],
    ['meshtap_http_problems_total', { server: 'ingest', reason: 'BODY_MALFORMED' }, 1],
    ['meshtap_http_problems_total', { server: 'ingest', reason: 'UNSUPPORTED_MEDIA_TYPE' }, 1],
    ['meshtap_http_problems_total', { server: 'gateway', reason: 'NOT_FOUND' }, 1],
    ['meshtap_http_requests_total', { server: 'ingest', route: '/v1/events', code: '2xx' }, posts],
    ['meshtap_http_requests_total', { server: 'gateway', route: '/api/v1/stat', code: '4xx' }, 1],
    ['meshtap_http_requests_total', { server: 'gateway', route: 'none', code: '4xx' }, 1],
    ['meshtap_log_append_duration_seconds_count', {}, posts],
    ['meshtap_log_appended_records_total', {}, records],
    ['meshtap_log_connected', {}, 1],
    ['meshtap_store_connected', {}, 1],
    ['meshtap_store_errors_total', {}, undefined],
    ['meshtap_gateway_query_duration_seconds_count', { route: '/api/v1/stat' }, 1],
    ['meshtap_gateway_clients', { stream: 'tap', transport: 'ndjson' }, 1],
    ['meshtap_gateway_clients', { stream: 'tap', transport: 'websocket' }, 1],
    ['meshtap_gateway_taps', {}, 1],
    ['meshtap_gateway_limit', { what: 'taps' }, 200],
    ['meshtap_exporter_series_limited', {}, 0],
    ['meshtap_exporter_scrapes_total', { outcome: 'own' }, 0],
  ] as const) {
    t.equal(now.value(name, labels), want, `${name} ${JSON.stringify(labels)}`)
  }
  for (const [name, labels] of [
    ['meshtap_aggregator_overflowed_series_total', { partition }],
    ['meshtap_aggregator_series', { partition }],
    ['meshtap_aggregator_open_buckets', { partition }],
    ['meshtap_aggregator_committed_bytes_total', {}],
    ['meshtap_store_request_duration_seconds_count', { operation: 'claim' }],
    ['meshtap_store_written_bytes_total', {}],
    ['meshtap_gateway_sent_bytes_total', {}],
    ['meshtap_exporter_scrape_duration_seconds_count', {}],
  ] as const) {
    t.ok((now.value(name, labels) ?? 0) > 0, `${name} ${JSON.stringify(labels)}`)
  }
  t.equal(
    now.value('meshtap_aggregator_commit_duration_seconds_count'),
    now.value('meshtap_aggregator_commits_total'),
    'each commit was timed',
  )
  const delay = now.value('meshtap_aggregator_watermark_delay_seconds', { partition })!
  t.ok(delay >= 0 && delay < 60, `${delay} s`)

  tapped.abort()
  await tap.body?.cancel().catch(() => undefined)
  socket.close()
  const after = await until(served, (now) => now.value('meshtap_gateway_clients') === 0)
  t.equal(after.value('meshtap_gateway_clients'), 0, 'clients are gone')
  t.equal(after.value('meshtap_gateway_sent_events_total'), 2, 'what was sent to them is not')
})

t.test('no label has what a client or an event says, and nothing grows with it', async (t) => {
  const served = await serve(t)
  const hostile = async (word: string) => {
    const events = [
      event(0, {
        destination: { namespace: word, name: word, pod: word, cluster: word },
        path: `/${word}`,
        method: word,
        reason: word,
      }),
    ]
    await post(served, events, { 'meshtap-producer': word, 'meshtap-sequence': '1' })
    await post(served, word, { 'content-type': `application/${word}` })
    for (const path of [`/${word}`, `/api/v1/stat?resource=${word}`, `/api/v1/tap?resource=${word}`]) {
      const headers = { authorization: `Bearer ${word}`, 'x-forwarded-for': word, 'user-agent': word }
      await (await fetch(`${served.gatewayUrl}${path}`, { headers })).arrayBuffer()
      await (await fetch(`${served.ingestUrl}${path}`, { headers })).arrayBuffer()
    }
  }
  await hostile('evilone')
  const first = await until(served, (now) => offset(now) >= 1)
  t.equal(offset(first), 1)
  for (let i = 0; i < 10; i++) await hostile(`evil${i}`)
  const then = await until(served, (now) => offset(now) >= 11)
  t.equal(offset(then), 11)
  t.notMatch(then.ownText, /evil/)
  // Those of the store's calls and of scrapes begin when they are first made.
  const names = (exposed: OwnExposition) =>
    new Set(
      exposed.own
        .filter(({ name, labels }) => !name.startsWith('meshtap_store_') && labels['route'] !== '/metrics')
        .map(({ name, labels }) => `${name}${JSON.stringify(labels)}`),
    )
  t.strictSame(names(then), names(first))
})

t.test('promtool has nothing to say of it, and OpenMetrics has the same', async (t) => {
  const served = await serve(t)
  await post(served, [event()])
  const text = (await until(served, (now) => offset(now) >= 1)).ownText
  const { promtool } = await prometheusInstallation()
  const said = await new Promise<string>((resolve, reject) => {
    const child = execFile(promtool, ['check', 'metrics'], (error, stdout, stderr) => {
      if (error !== null && error.code === 'ENOENT') reject(error)
      else resolve(`${stdout}${stderr}`)
    })
    child.stdin!.end(text)
  })
  t.equal(said, '')
  const response = await fetch(`${served.gatewayUrl}/metrics`, { headers: { accept: OPENMETRICS } })
  const families = parseText(await response.text(), { isOpenMetrics: true })
  for (const name of new OwnExposition(text).families.keys()) {
    t.ok(families.has(name.replace(/_total$/, '')), name)
  }
})
