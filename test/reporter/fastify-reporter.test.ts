import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import fastifyWebsocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { FastifyReporterOptions } from '../../src/reporter/fastify-reporter.ts'
import { createReporter, fastifyReporter } from '../../src/reporter/index.ts'
import { CapturingIngest } from './capturing-ingest.ts'
import { ReportedEvents } from './reported-events.ts'

const WORKLOAD = { namespace: 'shop', kind: 'deployment', name: 'cart', pod: 'cart-1' }

/** A real server with a few routes. */
async function serverOf(t: Test, options: Partial<FastifyReporterOptions> = {}) {
  const reporter = new ReportedEvents()
  const fastify = Fastify({ forceCloseConnections: true })
  t.teardown(() => fastify.close())
  await fastify.register(fastifyReporter, { reporter, workload: WORKLOAD, ...options })
  addRoutes(fastify)
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
  return { reporter, fastify, url, port: Number(new URL(url).port) }
}

function addRoutes(fastify: FastifyInstance): void {
  fastify.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  fastify.get('/items/:id', async () => 'hällo')
  fastify.post('/items', async (request, reply) => {
    reply.code(201)
    return request.body
  })
  fastify.post('/upload', async (request) => String((await text(request.body as Readable)).length))
  fastify.get('/stream', (_request, reply) =>
    reply.send(Readable.from([Buffer.alloc(70_000), Buffer.alloc(30_000)])),
  )
  fastify.get('/broken', (_request, reply) =>
    reply.send(
      Readable.from(
        (async function* () {
          yield Buffer.alloc(1000)
          throw new Error('the rest is not there')
        })(),
      ),
    ),
  )
  fastify.get('/endless', (_request, reply) => reply.send(new Readable({ read() {} }).wrap(endless())))
  fastify.get('/silent', () => new Promise(() => undefined))
  fastify.get('/fails', async () => {
    throw new Error('it fails')
  })
}

function endless(): Readable {
  return Readable.from(
    (async function* () {
      for (;;) {
        yield Buffer.alloc(1000)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })(),
  )
}

t.test('a request is reported with its route, outcome, bytes and trace', async (t) => {
  const { reporter, url, port } = await serverOf(t, { headers: ['X-Tenant', 'Content-Type'] })
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  const before = Date.now()
  await (
    await fetch(`${url}/items/7?q=1`, {
      headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'x-tenant': 'blue' },
    })
  ).text()
  const event = (await reporter.once(1))[0]!
  t.match(event, {
    kind: 'request',
    direction: 'inbound',
    proxy: 'cart-1',
    source: { ip: '127.0.0.1' },
    destination: WORKLOAD,
    tls: false,
    method: 'GET',
    scheme: 'http',
    authority: `127.0.0.1:${port}`,
    route: '/items/:id',
    path: '/items/7?q=1',
    status: 200,
    requestBytes: 0,
    responseBytes: 6,
    traceId: trace,
    requestHeaders: [{ name: 'x-tenant', value: 'blue' }],
    responseHeaders: [{ name: 'content-type', value: 'text/plain; charset=utf-8' }],
  })
  t.notOk('reset' in event || 'reason' in event)
  t.ok(event.timeMs >= before && event.timeMs <= Date.now())
  t.ok(Number.isInteger(event.latencyMicros) && event.latencyMicros > 0)
})

t.test('bodies are counted however they are sent', async (t) => {
  const { reporter, url } = await serverOf(t)
  const body = (): RequestInit => ({
    method: 'POST',
    body: Readable.toWeb(Readable.from([Buffer.alloc(40_000), Buffer.alloc(2000)])) as ReadableStream,
    duplex: 'half',
    headers: { 'content-type': 'application/octet-stream' },
  })
  const json = { method: 'POST', body: '{"name":"ä"}', headers: { 'content-type': 'application/json' } }
  const checks: [string, RequestInit, object][] = [
    ['/items', json, { route: '/items', status: 201, requestBytes: 13, responseBytes: 13 }],
    ['/upload', body(), { status: 200, requestBytes: 42_000, responseBytes: 5 }],
    ['/stream', {}, { status: 200, responseBytes: 100_000 }],
    ['/stream', { method: 'HEAD' }, { status: 200, method: 'HEAD', responseBytes: 0 }],
    ['/fails', {}, { status: 500, route: '/fails' }],
    ['/nowhere', {}, { status: 404, path: '/nowhere' }],
  ]
  for (const [i, [path, init, want]] of checks.entries()) {
    await (await fetch(`${url}${path}`, init)).arrayBuffer()
    t.match((await reporter.once(i + 1))[i], want, `${init.method ?? 'GET'} ${path}`)
  }
  t.notOk('route' in reporter.all.at(-1)!, 'what no route has has none')
  t.notOk(reporter.all.some((event) => event.reset))
})

t.test('clients that leave, and responses that break, are resets with a reason', async (t) => {
  const { reporter, url, port } = await serverOf(t)
  const check = async (
    name: string,
    cut: () => Promise<void>,
    want: object,
    none: string[] = [],
  ): Promise<void> => {
    const count = reporter.all.length
    await cut()
    const event = (await reporter.once(count + 1))[count]
    t.match(event, { reset: true, ...want }, name)
    for (const field of none) t.notOk(field in (event ?? {}), `${name}: ${field}`)
  }
  const abort = async (path: string) => {
    const controller = new AbortController()
    const answer = fetch(`${url}${path}`, { signal: controller.signal })
    if (path === '/endless') await (await answer).body!.getReader().read()
    else await new Promise((resolve) => setTimeout(resolve, 50))
    controller.abort()
    await answer.catch(() => undefined)
  }
  const left = { reason: 'client-abort' }
  await check('before the answer', () => abort('/silent'), { ...left, responseBytes: 0 }, ['status'])
  await check('within the answer', () => abort('/endless'), { ...left, status: 200, route: '/endless' })
  for (const end of ['end', 'resetAndDestroy'] as const) {
    await check(
      `within the request, by ${end}`,
      async () => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => undefined)
        socket.write(
          'POST /upload HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\ncontent-length: 5000\r\n\r\n' +
            'x'.repeat(1000),
        )
        await new Promise((resolve) => setTimeout(resolve, 100))
        socket[end]()
      },
      { ...left, requestBytes: 1000 },
    )
  }
  const broken = () =>
    fetch(`${url}/broken`)
      .then((answer) => answer.text())
      .then(
        () => undefined,
        () => undefined,
      )
  await check('by the server', broken, { reason: 'server-reset', status: 200, responseBytes: 1000 })
})

t.test('over HTTP/2 it is the same', async (t) => {
  const reporter = new ReportedEvents()
  const fastify = Fastify({ http2: true })
  t.teardown(() => fastify.close())
  await fastify.register(fastifyReporter as never, { reporter, workload: WORKLOAD })
  addRoutes(fastify as unknown as FastifyInstance)
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
  const session = connectHttp2(url)
  t.teardown(() => session.destroy())
  const stream = session.request({ ':path': '/stream' })
  stream.resume()
  await once(stream, 'end')
  t.match((await reporter.once(1))[0], {
    route: '/stream',
    status: 200,
    authority: new URL(url).host,
    responseBytes: 100_000,
  })
  const upload = session.request({
    ':path': '/upload',
    ':method': 'POST',
    'content-type': 'application/octet-stream',
  })
  upload.end(Buffer.alloc(3000))
  upload.resume()
  await once(upload, 'end')
  t.match((await reporter.once(2))[1], { status: 200, requestBytes: 3000, responseBytes: 4 })
  const left = session.request({ ':path': '/silent' })
  left.on('error', () => undefined)
  await new Promise((resolve) => setTimeout(resolve, 100))
  left.close(8)
  t.match((await reporter.once(3))[2], { reset: true, reason: 'client-abort' })
})

t.test('websockets are left out', async (t) => {
  const { reporter, fastify } = await (async () => {
    const reporter = new ReportedEvents()
    const fastify = Fastify()
    t.teardown(() => fastify.close())
    await fastify.register(fastifyReporter, { reporter, workload: WORKLOAD })
    await fastify.register(fastifyWebsocket)
    await fastify.register(async (scope) => {
      scope.get('/ws', { websocket: true }, (socket) => socket.send('hello'))
      scope.get('/plain', async () => 'x')
    })
    return { reporter, fastify }
  })()
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  await once(socket, 'message')
  socket.close()
  await once(socket, 'close')
  await (await fetch(`${url}/plain`)).text()
  t.match(await reporter.once(1), [{ path: '/plain' }])
})

t.test('who sent a request can be said', async (t) => {
  const { reporter, url } = await serverOf(t, {
    source: (request) => ({ name: String(request.headers['x-from']) }),
  })
  await (await fetch(`${url}/items/1`, { headers: { 'x-from': 'web' } })).text()
  t.match(await reporter.once(1), [{ source: { name: 'web' } }])
})

t.test('with a reporter, the events are at the ingest', async (t) => {
  await using ingest = await CapturingIngest.start()
  await using reporter = await createReporter({ ingestUrl: ingest.url })
  const fastify = Fastify()
  t.teardown(() => fastify.close())
  await fastify.register(fastifyReporter, { reporter, workload: WORKLOAD })
  addRoutes(fastify)
  const url = await fastify.listen({ port: 0, host: '127.0.0.1' })
  await Promise.all(Array.from({ length: 50 }, async (_, i) => (await fetch(`${url}/items/${i}`)).text()))
  const events = await ingest.requestsOnce(50)
  t.same(
    new Set(events.map(({ path }) => path)),
    new Set(Array.from({ length: 50 }, (_, i) => `/items/${i}`)),
  )
  t.same(new Set(events.map(({ route }) => route)), new Set(['/items/:id']))
})
