import { Client, credentials, Metadata } from '@grpc/grpc-js'
import t, { type Test } from 'tap'
import { freePort } from '../../stack/free-port.ts'
import { sdkServerMessage } from '../event/otlp-messages.ts'
import { kafkaForTest, redisForTest } from '../services.ts'
import { type CollectedSpan, Collector } from '../telemetry/collector.ts'
import { type Answer, RoleProcess } from './role-process.ts'

t.setTimeout(240_000)

const ANY = '127.0.0.1:0'
const NOWHERE = '127.0.0.1:1'
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CLIENT = 'b7ad6b7169203331'

async function started(t: Test, role: string, settings: Readonly<Record<string, string>>) {
  const process = await RoleProcess.start(role, settings)
  t.teardown(() => process.stop('SIGKILL'))
  return process
}

interface Served {
  readonly gateway: RoleProcess
  readonly ingestUrl: string
  readonly grpcUrl: string
}

/** A whole meshtap of its own, whose spans go to a collector, by default to its own ingest. */
async function serve(t: Test, settings: Readonly<Record<string, string>>): Promise<Served> {
  const [httpPort, grpcPort] = [await freePort(), await freePort()]
  const ingestUrl = `http://127.0.0.1:${httpPort}`
  const grpcUrl = `http://127.0.0.1:${grpcPort}`
  const gateway = await started(t, 'serve', {
    data: `${t.testdir()}/data`,
    listen: ANY,
    'ingest-listen': `127.0.0.1:${httpPort}`,
    'grpc-listen': `127.0.0.1:${grpcPort}`,
    partitions: '1',
    flush: '100ms',
    'trace-ratio': '1',
    'otlp-endpoint': settings['otlp-protocol'] === 'grpc' ? grpcUrl : ingestUrl,
    ...settings,
  })
  return { gateway, ingestUrl, grpcUrl }
}

async function post(url: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const event = {
    time: Date.now(),
    direction: 'inbound',
    destination: { namespace: 'shop', kind: 'deployment', name: 'web' },
    latencyMicros: 5,
  }
  const response = await fetch(`${url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(event),
    signal: AbortSignal.timeout(30_000),
  })
  await response.body?.cancel()
  return response.status
}

const STAT = '/api/v1/stat?resource=deploy&namespace=shop'

function hasRows({ status, body }: Answer): boolean {
  return status === 200 && (body as { readonly rows: readonly unknown[] }).rows.length > 0
}

/** The spans from a span of a name up to the root, by name. */
function wayUp(spans: readonly CollectedSpan[], name: RegExp, traceId: string): CollectedSpan[] | undefined {
  const way: CollectedSpan[] = []
  let span = spans.find((span) => name.test(span.name) && span.traceId === traceId)
  while (span !== undefined) {
    way.push(span)
    const { parentSpanId } = span
    if (parentSpanId === CLIENT || parentSpanId === undefined) return way
    span = spans.find(({ spanId }) => spanId === parentSpanId)
  }
  return undefined
}

function spansSent({ body }: Answer, outcome: string): number {
  const sample = new RegExp(`^meshtap_tracing_spans_total\\{outcome="${outcome}"\\} (\\d+)$`, 'm')
  return Number(sample.exec(String(body))?.[1] ?? 0)
}

t.test('an event is one trace, from its request over Kafka to the commit in Redis', async (t) => {
  const collector = await Collector.start(t)
  const [{ brokers: kafka }, { url: redis }] = await Promise.all([kafkaForTest(t), redisForTest(t)])
  const topic = { topic: `traced-${process.pid}`, 'kafka-group': `traced-${process.pid}` }
  const traced = { 'otlp-endpoint': collector.url, 'trace-ratio': '0' }
  const ingest = await started(t, 'ingest', { kafka, ...topic, 'ingest-listen': ANY, ...traced })
  const aggregator = await started(t, 'aggregator', {
    kafka,
    ...topic,
    redis,
    'status-listen': ANY,
    flush: '100ms',
    ...traced,
  })
  const gateway = await started(t, 'gateway', { redis, listen: ANY, ...traced, 'service-name': 'answers' })
  const exporter = await started(t, 'exporter', {
    redis,
    'metrics-listen': ANY,
    ...traced,
    'trace-ratio': '1',
  })
  for (const role of [ingest, aggregator, gateway])
    await role.until('/readyz', ({ status }) => status === 200)

  t.equal(await post(ingest.url), 200, 'not sampled')
  t.equal(await post(ingest.url, { traceparent: `00-${TRACE}-${CLIENT}-01` }), 200)
  const way = await collector.until((spans) => wayUp(spans, /^commit /, TRACE))
  t.match(
    way.map(({ service, name, kind }) => [service, name, kind]),
    [
      ['meshtap-aggregator', /^commit traced-.*-\d+$/, 1],
      ['meshtap-aggregator', /^fold traced-.*-\d+$/, 5],
      ['meshtap-ingest', /^append traced-/, 4],
      ['meshtap-ingest', 'POST /v1/events', 2],
    ],
  )
  const [commit, fold, append, request] = way
  t.ok(commit!.links.includes(fold!.spanId), 'a commit is linked to its folds')
  t.strictSame(fold!.links, [append!.spanId], 'a fold is linked to the appends of its records')
  t.equal(request!.parentSpanId, CLIENT, 'it continues what its client began')
  t.match(request!.attributes, { 'http.route': '/v1/events', 'http.response.status_code': '200' })
  t.ok(way.every(({ isFailed }) => !isFailed))
  t.match(commit!.resource, {
    'service.version': String,
    'service.instance.id': String,
    'host.name': String,
  })
  t.strictSame(
    Object.keys(commit!.resource).filter((key) => key.startsWith('process.')),
    [],
    'arguments may have passwords',
  )

  await gateway.until(STAT, hasRows)
  const asked = 'ab'.repeat(16)
  await gateway.ask(STAT, { headers: { traceparent: `00-${asked}-${CLIENT}-01` } })
  const query = await collector.until((spans) => spans.find(({ traceId }) => traceId === asked))
  t.match(query, { service: 'answers', traceId: asked })
  const root = await collector.until((spans) => wayUp(spans, /^GET \/api\/v1\/stat$/, asked))
  t.match(root, [{ kind: 2, parentSpanId: CLIENT, attributes: { 'http.response.status_code': '200' } }])

  await exporter.until('/metrics', ({ body }) => String(body).includes('request_total{'))
  const scrape = await collector.until((spans) => spans.find(({ name }) => name === 'scrape'))
  t.match(scrape, { service: 'meshtap-exporter', parentSpanId: undefined, isFailed: false })

  t.strictSame(
    new Set(
      collector.spans.filter(({ service }) => service !== scrape.service).map(({ traceId }) => traceId),
    ),
    new Set([TRACE, asked]),
    'nothing else was sampled',
  )
  t.strictSame([...collector.traceparents], [`00-${'f'.repeat(32)}-${'f'.repeat(16)}-00`])
})

t.test('what waits is sent when a role is told to stop', async (t) => {
  const collector = await Collector.start(t)
  const { gateway, ingestUrl } = await serve(t, { 'otlp-endpoint': collector.url })
  await gateway.until('/readyz', ({ status }) => status === 200)
  t.equal(await post(ingestUrl, { traceparent: `00-${TRACE}-${CLIENT}-01` }), 200)
  t.equal((await gateway.stop('SIGTERM')).code, 0)
  t.ok(wayUp(collector.spans, /^commit /, TRACE), 'with the commit that the stop brought about')
})

t.test(
  'a collector that is away fails nothing, is counted and said, and does not hold up a stop',
  async (t) => {
    const { gateway, ingestUrl } = await serve(t, { 'otlp-endpoint': `http://${NOWHERE}` })
    t.equal(await post(ingestUrl), 200)
    await gateway.until(STAT, hasRows)
    const metrics = await gateway.until('/metrics', (answer) => spansSent(answer, 'failed') > 0)
    t.equal(spansSent(metrics, 'sent'), 0)
    t.equal(await post(ingestUrl), 200)
    const { code, ms } = await gateway.stop('SIGTERM')
    t.equal(code, 0)
    t.ok(ms < 15_000, `${ms} ms`)
    t.match(gateway.log, /"kind":"tracing-export"/)
    t.match(gateway.log, /spans were not sent before the end/)
  },
)

t.test('a line of the log has the ids of the request that it is of', async (t) => {
  const ingest = await started(t, 'ingest', {
    kafka: NOWHERE,
    'ingest-listen': ANY,
    'otlp-endpoint': `http://${NOWHERE}`,
    'log-format': 'json',
  })
  t.equal(await post(ingest.url, { traceparent: `00-${TRACE}-${CLIENT}-01` }), 503)
  await ingest.stop('SIGTERM')
  const lines = ingest.log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  const ofRequest = lines.filter((line) => line['trace_id'] !== undefined)
  t.ok(ofRequest.length > 0, ingest.log)
  for (const line of ofRequest) t.match(line, { trace_id: TRACE, span_id: /^[0-9a-f]{16}$/, role: 'ingest' })
  t.ok(lines.length > ofRequest.length, 'others have none')
})

for (const protocol of ['http/protobuf', 'grpc'] as const) {
  t.test(`a meshtap that is sent its own spans over ${protocol} makes no more of them`, async (t) => {
    const { gateway, ingestUrl } = await serve(t, { 'otlp-protocol': protocol })
    await gateway.until('/readyz', ({ status }) => status === 200)
    let sent = 0
    for (let i = 0; i < 3; i++) {
      t.equal(await post(ingestUrl), 200)
      const before = sent
      sent = spansSent(
        await gateway.until('/metrics', (answer) => spansSent(answer, 'sent') > before),
        'sent',
      )
    }
    // A request, an append, a fold and a commit each; and spans of the exports, were there any.
    t.ok(sent <= 3 * 4, `${sent} spans`)
    t.equal(spansSent(await gateway.ask('/metrics'), 'failed'), 0)
  })
}

t.test('an export over gRPC is part of the trace that it says', async (t) => {
  const collector = await Collector.start(t)
  const { grpcUrl } = await serve(t, { 'otlp-endpoint': collector.url, 'trace-ratio': '0' })
  const client = new Client(new URL(grpcUrl).host, credentials.createInsecure())
  t.teardown(() => client.close())
  const metadata = new Metadata()
  metadata.set('traceparent', `00-${TRACE}-${CLIENT}-01`)
  const call = '/opentelemetry.proto.collector.trace.v1.TraceService/Export'
  const asIs = (bytes: Buffer) => bytes
  await new Promise<void>((resolve, reject) =>
    client.makeUnaryRequest(call, asIs, asIs, Buffer.from(sdkServerMessage(10, 1)), metadata, (error) =>
      error === null ? resolve() : reject(error),
    ),
  )
  const way = await collector.until((spans) => wayUp(spans, /^commit /, TRACE))
  t.match(way.at(-1), { name: call.slice(1), kind: 2, parentSpanId: CLIENT })
})
