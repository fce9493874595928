import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { Agent, type Dispatcher, fetch as undiciFetch, interceptors, request as undiciRequest } from 'undici'
import { freePort } from '../../stack/free-port.ts'
import { undiciReporter, type UndiciReporterOptions } from '../../src/reporter/index.ts'
import { ReportedEvents } from './reported-events.ts'

const WORKLOAD = { namespace: 'shop', kind: 'deployment', name: 'web', pod: 'web-1' }

const ROUTES: Record<string, (request: IncomingMessage, response: ServerResponse) => unknown> = {
  '/hello': (_request, response) => response.end('hello'),
  '/fails': (_request, response) => response.writeHead(503).end(),
  '/echo': (request, response) => request.pipe(response),
  '/grpc': (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/grpc', trailer: 'grpc-status' })
    response.write('x')
    response.addTrailers({ 'grpc-status': '5' })
    response.end()
  },
  '/silent': () => undefined,
  '/endless': (_request, response) => {
    response.write('x'.repeat(1000))
  },
  '/cut': (_request, response) => {
    response.writeHead(200, { 'content-length': '5000' })
    response.write('x'.repeat(1000), () => response.destroy())
  },
  '/reset': (request) => request.socket.resetAndDestroy(),
  '/moved': (_request, response) => response.writeHead(302, { location: '/hello' }).end(),
}

async function serverUrl(t: Test): Promise<string> {
  const server = createServer((request, response) => ROUTES[request.url!.split('?')[0]!]!(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function rig(t: Test, options: Partial<UndiciReporterOptions> = {}, agentOptions: Agent.Options = {}) {
  const reporter = new ReportedEvents()
  const agent = new Agent(agentOptions)
  t.teardown(() => agent.destroy())
  const dispatcher = agent.compose(undiciReporter({ reporter, workload: WORKLOAD, ...options }))
  return { reporter, dispatcher, agent }
}

/** Node's own `fetch` takes a dispatcher, which its types do not say of one of the package. */
function through(dispatcher: Dispatcher, init: RequestInit): RequestInit {
  return { ...init, dispatcher } as unknown as RequestInit
}

/** Each way in which a program sends requests through a dispatcher. */
const WAYS: Record<string, (url: string, dispatcher: Dispatcher, init: RequestInit) => Promise<string>> = {
  "Node's fetch": async (url, dispatcher, init) => (await fetch(url, through(dispatcher, init))).text(),
  "undici's fetch": async (url, dispatcher, init) =>
    (await undiciFetch(url, { ...(init as object), dispatcher })).text(),
  "undici's request": async (url, dispatcher, init) => {
    const { method = 'GET', headers = {}, body = null } = init
    const { body: answer } = await undiciRequest(url, {
      dispatcher,
      method,
      headers: headers as Record<string, string>,
      body: body as string,
    })
    return answer.text()
  },
}

t.test('a request is reported with its outcome, bytes and trace', async (t) => {
  const url = await serverUrl(t)
  const { host, port } = new URL(url)
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
  for (const [way, send] of Object.entries(WAYS)) {
    const { reporter, dispatcher } = rig(t)
    const headers = { traceparent: `00-${trace}-00f067aa0ba902b7-01` }
    t.equal(await send(`${url}/hello?q=1`, dispatcher, { headers }), 'hello', way)
    t.equal(await send(`${url}/echo`, dispatcher, { method: 'POST', body: 'häll' }), 'häll', way)
    await send(`${url}/fails`, dispatcher, {})
    const events = await reporter.once(3)
    t.equal(events.length, 3)
    t.match(events[0], {
      kind: 'request',
      direction: 'outbound',
      proxy: 'web-1',
      source: WORKLOAD,
      destination: { ip: '127.0.0.1', port: Number(port) },
      tls: false,
      method: 'GET',
      scheme: 'http',
      authority: host,
      path: '/hello?q=1',
      status: 200,
      requestBytes: 0,
      responseBytes: 5,
      traceId: trace,
    })
    t.match(events[1], { method: 'POST', path: '/echo', status: 200, requestBytes: 5, responseBytes: 5 })
    t.match(events[2], { path: '/fails', status: 503, responseBytes: 0 })
    t.notOk(events.some((event) => 'reset' in event || 'reason' in event))
    t.ok(events.every(({ latencyMicros }) => Number.isInteger(latencyMicros) && latencyMicros > 0))
  }
})

t.test('bodies that are streams are counted, in both directions', async (t) => {
  const url = await serverUrl(t)
  const { reporter, dispatcher } = rig(t)
  const chunks = () => [Buffer.alloc(40_000, 'a'), Buffer.alloc(30_000, 'b')]
  const web = Readable.toWeb(Readable.from(chunks())) as ReadableStream
  const init = through(dispatcher, { method: 'POST', body: web, duplex: 'half' })
  t.equal((await (await fetch(`${url}/echo`, init)).text()).length, 70_000)
  t.match((await reporter.once(1))[0], { requestBytes: 70_000, responseBytes: 70_000 })
  const known = { method: 'POST', headers: { 'content-length': '70000' } } as const
  const { body } = await undiciRequest(`${url}/echo`, { ...known, dispatcher, body: Readable.from(chunks()) })
  t.equal((await body.text()).length, 70_000)
  t.match((await reporter.once(2))[1], { requestBytes: 70_000, responseBytes: 70_000 })
})

t.test('what failed is a reset with a reason', async (t) => {
  const url = await serverUrl(t)
  const nobody = `http://127.0.0.1:${await freePort()}`
  const sockets = new Set<Socket>()
  const odd = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('this is not HTTP\r\n\r\n'))
  })
  odd.listen(0, '127.0.0.1')
  await once(odd, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    odd.close()
  })
  const oddUrl = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`
  const checks: [url: string, want: object, none: string[], init?: RequestInit][] = [
    [`${nobody}/`, { reason: 'upstream-connect-failure', path: '/' }, ['status']],
    ['http://nowhere.invalid/', { reason: 'upstream-connect-failure' }, ['status']],
    [`${url}/reset`, { reason: 'upstream-reset' }, ['status']],
    [`${url}/cut`, { reason: 'upstream-reset', status: 200, responseBytes: 1000 }, []],
    [`${oddUrl}/`, { reason: 'upstream-protocol-error' }, ['status']],
  ]
  for (const [way, send] of Object.entries(WAYS)) {
    const { reporter, dispatcher } = rig(t)
    for (const [i, [target, want, none]] of checks.entries()) {
      await t.rejects(send(target, dispatcher, {}), `${way}: ${target}`)
      const event = (await reporter.once(i + 1))[i]
      t.match(event, { reset: true, ...want }, `${way}: ${target}`)
      for (const field of none) t.notHas(event, { [field]: Number }, `${way}: ${target} has no ${field}`)
    }
    t.equal(reporter.all.length, checks.length)
  }
})

t.test('a time limit of the dispatcher is a reason of its own', async (t) => {
  const url = await serverUrl(t)
  const check = async (way: string, path: string, want: object): Promise<void> => {
    const { reporter, dispatcher } = rig(t, {}, { headersTimeout: 4000, bodyTimeout: 4000 })
    await t.rejects(WAYS[way]!(`${url}${path}`, dispatcher, {}), `${way}: ${path}`)
    t.match(await reporter.once(1), [{ reset: true, reason: 'upstream-timeout', ...want }], `${way}: ${path}`)
    t.equal(reporter.all.length, 1)
  }
  await Promise.all(
    Object.keys(WAYS).flatMap((way) => [
      check(way, '/silent', { status: undefined }),
      check(way, '/endless', { status: 200, responseBytes: 1000 }),
    ]),
  )
})

t.test('a request that the program gives up is told from one that the other side ends', async (t) => {
  const url = await serverUrl(t)
  const { reporter, dispatcher } = rig(t)
  const reasons = [undefined, new Error('enough'), 'timeout']
  for (const [i, reason] of reasons.entries()) {
    const controller = new AbortController()
    const signal = reason === 'timeout' ? AbortSignal.timeout(100) : controller.signal
    const answer = fetch(`${url}/silent`, through(dispatcher, { signal }))
    setTimeout(() => controller.abort(reason), 100)
    await t.rejects(answer)
    t.match((await reporter.once(i + 1))[i], { reset: true, reason: 'client-abort' })
  }
  const controller = new AbortController()
  const answer = await fetch(`${url}/endless`, through(dispatcher, { signal: controller.signal }))
  await answer.body!.getReader().read()
  controller.abort()
  t.match((await reporter.once(4))[3], {
    reset: true,
    reason: 'client-abort',
    status: 200,
    responseBytes: 1000,
  })
  const given = await undiciRequest(`${url}/endless`, { dispatcher })
  given.body.on('error', () => undefined).destroy()
  t.match((await reporter.once(5))[4], { reset: true, reason: 'client-abort', status: 200 })
})

t.test('gRPC statuses are read from trailers', async (t) => {
  const url = await serverUrl(t)
  const { reporter, dispatcher } = rig(t)
  await (await undiciRequest(`${url}/grpc`, { dispatcher })).body.text()
  t.match(await reporter.once(1), [{ status: 200, grpcStatus: 5 }])
})

t.test('each try is reported, or the outcome, as interceptors are composed', async (t) => {
  const url = await serverUrl(t)
  const { reporter, dispatcher, agent } = rig(t)
  const within = dispatcher.compose(interceptors.redirect({ maxRedirections: 2 }))
  t.equal(await (await undiciRequest(`${url}/moved`, { dispatcher: within })).body.text(), 'hello')
  t.match(await reporter.once(2), [
    { path: '/moved', status: 302 },
    { path: '/hello', status: 200 },
  ])
  const around = agent.compose(
    interceptors.redirect({ maxRedirections: 2 }),
    undiciReporter({ reporter, workload: WORKLOAD }),
  )
  t.equal(await (await undiciRequest(`${url}/moved`, { dispatcher: around })).body.text(), 'hello')
  t.match((await reporter.once(3))[2], { path: '/moved', status: 200 })
  t.equal(reporter.all.length, 3)
})

t.test('a handler of the old kind is watched too', async (t) => {
  const url = await serverUrl(t)
  const { reporter, agent } = rig(t)
  const dispatch = undiciReporter({ reporter, workload: WORKLOAD })(agent.dispatch.bind(agent))
  const chunks: Buffer[] = []
  await new Promise<void>((resolve, reject) => {
    const handler: Dispatcher.DispatchHandler = {
      onConnect: () => undefined,
      onHeaders: () => true,
      onData: (chunk) => chunks.push(chunk) > 0,
      onComplete: () => resolve(),
      onError: reject,
    }
    const body = Readable.from([Buffer.from('one '), Buffer.from('two')])
    dispatch({ origin: url, path: '/echo', method: 'POST', body }, handler)
  })
  t.equal(Buffer.concat(chunks).toString(), 'one two')
  t.match(await reporter.once(1), [{ path: '/echo', status: 200, requestBytes: 7, responseBytes: 7 }])
})

t.test('what an authority stands for is said by its name, or by the program', async (t) => {
  const url = await serverUrl(t)
  const destination = (authority: string) => ({ service: `known as ${authority}` })
  const { reporter, dispatcher } = rig(t, { destination })
  const named = await undiciRequest(`${url}/hello`, { dispatcher, headers: { host: 'cart-svc.shop:80' } })
  await named.body.text()
  t.match(await reporter.once(1), [
    { authority: 'cart-svc.shop:80', destination: { service: 'known as cart-svc.shop:80' } },
  ])
  const other = rig(t)
  const headers = ['Host', 'cart-svc']
  await (await undiciRequest(`${url}/hello`, { dispatcher: other.dispatcher, headers })).body.text()
  t.match(await other.reporter.once(1), [{ destination: { namespace: 'shop', service: 'cart-svc' } }])
})
