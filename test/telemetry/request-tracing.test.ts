import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fastify } from 'fastify'
import t from 'tap'
import { traceRequests } from '../../src/telemetry/request-tracing.ts'
import { RecordedSpans } from './recorded-spans.ts'

const recorded = new RecordedSpans()
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const traceparent = `00-${TRACE}-b7ad6b7169203331-01`

/** Spans that ended, once there are as many. */
async function ended(count: number) {
  const spans = [...recorded.take()]
  for (const deadline = Date.now() + 20_000; spans.length < count && Date.now() < deadline;) {
    await sleep(10)
    spans.push(...recorded.take())
  }
  return spans
}

const app = fastify()
traceRequests(app, recorded.tracer)
// What answers before and after something was waited for.
app.addHook('onRequest', async ({ url }) => {
  if (url.startsWith('/refused')) throw Object.assign(new Error('no'), { statusCode: 403 })
})
let during: unknown
app.get('/item/:id', async () => {
  await sleep(1)
  during = recorded.tracer.active?.ids.trace_id
  return {}
})
app.get('/refused', async () => ({}))
app.get('/broken', async () => {
  throw new Error('broken')
})
app.get('/readyz', async () => ({}))
app.get('/metrics', async () => '')
app.get('/stuck', () => new Promise(() => undefined))
const url = await app.listen({ port: 0, host: '127.0.0.1' })
t.teardown(() => {
  app.server.closeAllConnections()
  return app.close()
})

const get = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
  const response = await fetch(`${url}${path}`, { headers: { traceparent, ...headers } })
  await response.text()
}

t.test('a request is a span by its route, which is active in all that answers it', async (t) => {
  during = undefined
  await get('/item/7?secret=1')
  const [span] = await ended(1)
  t.equal(during, TRACE)
  t.equal(span?.name, 'GET /item/:id')
  t.strictSame(span?.attributes, {
    'http.request.method': 'GET',
    'http.route': '/item/:id',
    'url.scheme': 'http',
    'url.path': '/item/7',
    'http.response.status_code': 200,
  })
  t.match(span, { parentSpanContext: { traceId: TRACE, isRemote: true }, status: { code: 0 } })
})

t.test('what is refused is no failure of ours, what breaks is', async (t) => {
  await get('/refused')
  t.match(await ended(1), [{ status: { code: 0 }, attributes: { 'http.response.status_code': 403 } }])
  await get('/broken')
  t.match(await ended(1), [{ status: { code: 2, message: 'answered 500' } }])
})

t.test('a client that goes ends the span of what it asked', async (t) => {
  const { hostname, port, host } = new URL(url)
  const client = connect(Number(port), hostname)
  client.write(`GET /stuck HTTP/1.1\r\nhost: ${host}\r\ntraceparent: ${traceparent}\r\n\r\n`)
  const asked = once(app.server, 'request')
  await asked
  client.destroy()
  t.match(await ended(1), [
    { name: 'GET /stuck', status: { code: 2, message: 'the client went before it was answered' } },
  ])
})

t.test('probes, scrapes, streams and what has no route are none', async (t) => {
  await get('/readyz')
  await get('/metrics')
  await get('/nothing/there')
  await get('/item/7', { accept: 'application/x-ndjson' })
  await get('/item/7?window=1m&stream=true')
  // Not sampled, and not readable, which begins a trace that is not sampled here.
  await get('/item/7', { traceparent: traceparent.replace(/01$/, '00') })
  await get('/item/7', { traceparent: 'nonsense' })
  await get('/item/8?upstream=true')
  const spans = await ended(1)
  t.strictSame(
    spans.map(({ attributes }) => attributes['url.path']),
    ['/item/8'],
  )
})
