import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { addDocsRoutes } from '../../src/http/docs-routes.ts'
import { addHealthRoutes } from '../../src/http/health-routes.ts'
import { httpStats } from '../../src/http/http-stats.ts'
import { HttpProblem } from '../../src/http/problem.ts'
import { ProblemAnswers } from '../../src/http/problem-answers.ts'
import {
  createHttpServer,
  DEFAULT_HTTP_LIMITS,
  describedRoutes,
  type HttpLimits,
} from '../../src/http/server.ts'
import { listening } from './listening.ts'

async function serverOf(limits: Partial<HttpLimits> = {}) {
  const stats = httpStats()
  const app = await createHttpServer({
    limits: { ...DEFAULT_HTTP_LIMITS, ...limits },
    problems: new ProblemAnswers({
      stats,
      translate: (error) =>
        error instanceof RangeError ? new HttpProblem(400, 'OUT_OF_RANGE', error.message) : undefined,
      now: () => 0,
    }),
  })
  return { app, stats }
}

const problem = (status: number, title: string, code: string, detail: string, more = {}) => ({
  type: 'about:blank',
  title,
  status,
  detail,
  code,
  ...more,
})

t.test('every failure is a problem', async (t) => {
  const { app, stats } = await serverOf({ urlLength: 100, handlerTimeoutMs: 20 })
  t.teardown(() => app.close())
  app.get('/known', async () => {
    throw new RangeError('7 is out of range')
  })
  app.get('/problem', async () => {
    throw new HttpProblem(429, 'OVERLOADED', 'too much', {
      parameter: 'p',
      at: 'byte 3',
      retryAfterSeconds: 1.2,
    })
  })
  app.get('/unforeseen', async () => {
    throw new Error('secret')
  })
  app.get('/hangs', () => new Promise(() => {}))
  app.post('/post', async () => 'ok')

  for (const [request, status, body, headers] of [
    [
      { url: '/nothing?x=1' },
      404,
      problem(404, 'Not Found', 'NOT_FOUND', 'there is nothing at /nothing; /api/docs lists what there is'),
    ],
    [
      { url: '/known', method: 'DELETE' },
      405,
      problem(405, 'Method Not Allowed', 'METHOD_NOT_ALLOWED', '/known takes GET, HEAD, not DELETE'),
      { allow: 'GET, HEAD' },
    ],
    [{ url: '/known' }, 400, problem(400, 'Bad Request', 'OUT_OF_RANGE', '7 is out of range')],
    [
      { url: '/problem' },
      429,
      problem(429, 'Too Many Requests', 'OVERLOADED', 'too much', { parameter: 'p', at: 'byte 3' }),
      { 'retry-after': '2' },
    ],
    [
      { url: '/unforeseen' },
      500,
      problem(500, 'Internal Server Error', 'INTERNAL', 'the server failed to answer; its log says why'),
    ],
    [
      { url: '/hangs' },
      503,
      problem(
        503,
        'Service Unavailable',
        'TIMEOUT',
        'the answer took too long; ask for less, or again in a moment',
      ),
      { 'retry-after': '1' },
    ],
    [
      { url: '/%zz' },
      400,
      problem(400, 'Bad Request', 'BAD_URL', 'the path of the URL is not valid percent-encoded UTF-8'),
    ],
    [
      { url: `/known?${'x'.repeat(100)}` },
      414,
      problem(414, 'URI Too Long', 'URL_TOO_LONG', 'the URL has 107 characters; at most 100 are read'),
    ],
    [
      { url: '/known', headers: { host: 'evil.example' } },
      403,
      problem(
        403,
        'Forbidden',
        'HOST_NOT_ALLOWED',
        'the host "evil.example" is neither localhost, nor an IP address, nor one of the allowed hosts; add its ' +
          'name to them (--allowed-hosts) if this server is to be reached by it',
      ),
    ],
    [
      { url: '/post', method: 'POST', headers: { 'content-type': 'application/json' }, payload: '{' },
      400,
      problem(
        400,
        'Bad Request',
        'BAD_REQUEST',
        "Body is not valid JSON but content-type is set to 'application/json'",
      ),
    ],
    [
      { url: '/post', method: 'POST', headers: { 'content-type': 'image/png' }, payload: 'x' },
      415,
      problem(
        415,
        'Unsupported Media Type',
        'UNSUPPORTED_MEDIA_TYPE',
        'the content-type is none that is read here; /api/docs lists those that are',
      ),
    ],
  ] as const) {
    const answer = await app.inject(request)
    const name = `${'method' in request ? request.method : 'GET'} ${request.url.slice(0, 30)}`
    t.equal(answer.statusCode, status, name)
    t.same(answer.json(), body, name)
    t.match(
      answer.headers,
      {
        'content-type': 'application/problem+json; charset=utf-8',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        ...headers,
      },
      name,
    )
  }
  t.match(stats, { requests: 11, problems: { OUT_OF_RANGE: 1, INTERNAL: 1, BAD_URL: 1, NOT_FOUND: 1 } })
})

async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString()))
  socket.write(text)
  await once(socket, 'close')
  return answer
}

t.test('what is no request at all is answered with a problem too', async (t) => {
  const { app, stats } = await serverOf({ headerBytes: 1024, requestTimeoutMs: 300 })
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  app.post('/post', async () => 'ok')
  const port = await listening(app)

  for (const [text, status, code] of [
    ['nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
    [`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(2000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
    ['GET / HTTP/1.1\r\nhost: localhost\r\n', 408, 'REQUEST_TIMEOUT'],
  ] as const) {
    const [head = '', body = ''] = (await exchange(port, text)).split('\r\n\r\n')
    t.match(head, new RegExp(`^HTTP/1.1 ${status} .*content-type: application/problem\\+json`, 's'))
    t.match(JSON.parse(body), { type: 'about:blank', status, code })
  }
  t.match(stats.problems, { BAD_REQUEST: 1, HEADERS_TOO_LARGE: 1, REQUEST_TIMEOUT: 1 })
})

t.test('connections beyond the limit are closed at once and counted', async (t) => {
  const { app, stats } = await serverOf({ connections: 1 })
  t.teardown(() => app.close())
  app.get('/', async () => 'ok')
  const port = await listening(app)
  const first = connect(port, '127.0.0.1')
  t.teardown(() => first.destroy())
  first.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await once(first, 'data')
  const second = connect(port, '127.0.0.1')
  second.on('error', () => {})
  await once(second, 'close')
  t.equal(stats.droppedConnections, 1)
})

t.test('closing lets answers under way end, refuses new requests, and is bounded', async (t) => {
  const { app, stats } = await serverOf({ closeGraceMs: 50 })
  const arrived = Promise.withResolvers<void>()
  app.get('/', async () => 'ok')
  app.get('/hangs', () => {
    arrived.resolve()
    return new Promise(() => {})
  })
  const port = await listening(app)
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET /hangs HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await arrived.promise
  const idle = connect(port, '127.0.0.1')
  idle.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\n')
  await once(idle, 'ready')
  await Promise.all([app.close(), once(socket, 'close')])
  t.pass('closed though an answer hangs')
  t.ok(stats.requests >= 1)
})

t.test('health answers whoever asks by whatever name', async (t) => {
  const { app } = await serverOf()
  t.teardown(() => app.close())
  let state: { ready: boolean; reason?: string } = { ready: false, reason: 'the log is not open yet' }
  addHealthRoutes(app, () => state)
  const headers = { host: 'probe.example' }
  t.same((await app.inject({ url: '/livez', headers })).json(), { status: 'ok' })
  const not = await app.inject({ url: '/readyz', headers })
  t.same(not.json(), problem(503, 'Service Unavailable', 'NOT_READY', 'the log is not open yet'))
  t.equal(not.headers['retry-after'], '1')
  state = { ready: true }
  t.equal((await app.inject({ url: '/readyz', headers })).statusCode, 200)
})

t.test('the page of the documentation needs nothing from elsewhere', async (t) => {
  const { app } = await serverOf()
  t.teardown(() => app.close())
  const routes = describedRoutes(app)
  addHealthRoutes(app, () => ({ ready: true }))
  addDocsRoutes(
    app,
    { title: 'test', description: 'A test.', version: '1.2.3', tags: [], schemas: {} },
    routes,
  )
  const document = await app.inject('/api/openapi.json')
  t.match(document.json(), { openapi: '3.1.0', info: { title: 'test', version: '1.2.3' } })
  t.same(Object.keys(document.json().paths).sort(), ['/api/docs/', '/api/openapi.json', '/livez', '/readyz'])

  t.match(await app.inject('/api/docs'), { statusCode: 308, headers: { location: '/api/docs/' } })
  const page = await app.inject('/api/docs/')
  t.match(page, { statusCode: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  t.match(page.headers['content-security-policy'], /script-src 'self'/)
  const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!)
  t.ok(links.length >= 5)
  for (const link of links) {
    t.match(link, /^\.\/static\//, `${link} is the server's own`)
    t.equal((await app.inject(`/api/docs/${link}`)).statusCode, 200, link)
  }
  t.same((await app.inject('/api/docs/json')).json(), document.json(), 'the page shows the same document')
  const missing = await app.inject('/api/docs/static/nothing.js')
  t.match(missing.json(), { status: 404, code: 'NOT_FOUND' })
})
