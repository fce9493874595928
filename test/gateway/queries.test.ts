import t from 'tap'
import {
  parseEdgesRequest,
  parseResourcesRequest,
  parseRoutesRequest,
  parseStatRequest,
  parseTimeseriesRequest,
  parseTopRequest,
} from '../../src/query/requests.ts'
import { StoreError } from '../../src/store/rollup-store.ts'
import { strictSchema } from '../http/openapi-checks.ts'
import { connection, request, times } from '../query/events.ts'
import { engineOf, engineOn, storeOf } from '../query/world.ts'
import { gatewayServer } from './gateway-server.ts'

const events = [
  ...times(30, (index) =>
    request('bot', 'web', {
      path: `/api/${index % 3}`,
      tls: index % 2 === 0,
      status: index % 10 === 0 ? 500 : 200,
      authority: 'web-svc:80',
    }),
  ),
  request('bot', 'web', { direction: 'outbound', source: { identity: 'bot.id' } }),
  request('web', 'emoji', { destination: { cluster: 'west' } }),
  connection('bot', 'web', { open: 3, readBytes: 100, writtenBytes: 200, ago: 5 }),
]

t.test('every query answers what the engine answers, whole, and as the document says', async (t) => {
  const engine = await engineOn(events)
  const { app } = await gatewayServer(t, { engine })
  const document = (await app.inject('/api/openapi.json')).json()
  const deploy = { resource: 'deploy' }
  for (const [path, schema, want] of [
    ['stat?resource=deploy', 'Stat', engine.stat(parseStatRequest(deploy))],
    ['stat?resource=all', 'Stat', engine.stat(parseStatRequest({ resource: 'all' }))],
    [
      'stat?resource=deploy/bot&to=deploy/web&namespace=emojivoto&window=5m',
      'Stat',
      engine.stat(
        parseStatRequest({ resource: 'deploy/bot', to: 'deploy/web', namespace: 'emojivoto', window: '5m' }),
      ),
    ],
    ['stat?resource=deploy/nothing', 'Stat', engine.stat(parseStatRequest({ resource: 'deploy/nothing' }))],
    [
      'stat?resource=deploy&by=reason',
      'StatByReason',
      engine.reasons({ ...parseStatRequest(deploy), by: 'reason' }),
    ],
    ['top?resource=deploy', 'Top', engine.top(parseTopRequest(deploy))],
    ['top?resource=deploy&by=route', 'Top', engine.top(parseTopRequest({ ...deploy, by: 'route' }))],
    ['edges', 'Edges', engine.edges(parseEdgesRequest({}))],
    ['routes?resource=deploy', 'Routes', engine.routes(parseRoutesRequest(deploy))],
    ['timeseries?resource=deploy', 'Timeseries', engine.timeseries(parseTimeseriesRequest(deploy))],
    ['resources', 'Resources', engine.resources(parseResourcesRequest({}))],
  ] as const) {
    const answer = await app.inject(`/api/v1/${path}`)
    t.equal(answer.statusCode, 200, path)
    t.match(answer.headers, {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    t.same(answer.json(), JSON.parse(JSON.stringify(await want)), path)
    const validate = strictSchema(document, schema)
    t.ok(validate(answer.json()), `${path} is a ${schema}`)
    t.same(validate.errors ?? [], [], path)
  }
})

t.test('a parameter that cannot be taken is named', async (t) => {
  const { app } = await gatewayServer(t)
  for (const [url, parameter, detail] of [
    ['/api/v1/stat', 'resource', /^resource: is missing/],
    ['/api/v1/stat?resource=deploy&window=5+minutes', 'window', /^window: ./],
    ['/api/v1/stat?resource=nothing', 'resource', /^resource: /],
    ['/api/v1/stat?resource=deploy&windwo=1m', 'windwo', /^windwo: .*there are resource, /],
    ['/api/v1/stat?resource=deploy&resource=pod', 'resource', /^resource: is given more than once$/],
    ['/api/v1/stat?resource=deploy&__proto__=1', '__proto__', /^__proto__: ./],
    ['/api/v1/top?resource=deploy&limit=0', 'limit', /^limit: .* 1 to 1000$/],
    ['/api/v1/edges?to=deploy&from=deploy', 'from', /^from: /],
    ['/api/v1/tap?max_rps=0', 'max_rps', /^max_rps: /],
    ['/api/v1/tap?nonsense=1', 'nonsense', /^nonsense: /],
  ] as const) {
    const answer = await app.inject(url)
    t.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', url)
    t.match(
      answer.json(),
      { type: 'about:blank', title: 'Bad Request', status: 400, code: 'BAD_PARAMETER', parameter, detail },
      url,
    )
  }
})

t.test('a store that does not answer is 503, and one of several is left out', async (t) => {
  const store = await storeOf(events)
  const { app } = await gatewayServer(t, { engine: engineOf(store) })
  store.failure = new StoreError('STORE_UNAVAILABLE', 'connection refused')
  const answer = await app.inject('/api/v1/stat?resource=deploy')
  t.equal(answer.statusCode, 503)
  t.equal(answer.headers['retry-after'], '1')
  t.match(answer.json(), { code: 'STORE_UNAVAILABLE', detail: /connection refused/ })
  store.failure = undefined
  t.equal((await app.inject('/api/v1/stat?resource=deploy')).statusCode, 200)
})

t.test('queries at once are bounded', async (t) => {
  const gate = Promise.withResolvers<never>()
  const engine = Object.assign(await engineOn(events), {
    stat: () => gate.promise,
  })
  const { app } = await gatewayServer(t, { engine, limits: { queries: 2 } })
  const url = '/api/v1/stat?resource=deploy'
  const held = [app.inject(url), app.inject(url)]
  await new Promise(setImmediate)
  const answer = await app.inject(url)
  t.match(answer.json(), {
    status: 429,
    code: 'OVERLOADED',
    detail: '2 queries are being answered; ask again in a moment',
  })
  gate.reject(new StoreError('STORE_UNAVAILABLE', 'gone'))
  await Promise.all(held)
  t.equal((await app.inject('/api/v1/resources')).statusCode, 200, 'and there is room again')
})

t.test('what is not there, or not so, is a problem', async (t) => {
  const { app } = await gatewayServer(t)
  for (const [request, status, code, headers] of [
    [{ url: '/api/v1/nothing' }, 404, 'NOT_FOUND', {}],
    [{ url: '/api/v1/stat', method: 'POST' }, 405, 'METHOD_NOT_ALLOWED', { allow: 'GET, HEAD' }],
    [{ url: '/api/v1/tap', method: 'POST' }, 405, 'METHOD_NOT_ALLOWED', { allow: 'GET, HEAD' }],
    [{ url: '/api/v1/tap?status=9', method: 'HEAD' }, 400, undefined, {}],
    [{ url: '/api/v1/stat', method: 'OPTIONS' }, 405, 'METHOD_NOT_ALLOWED', {}],
    [{ url: '/api/v1/stat?resource=deploy', headers: { host: 'evil.example' } }, 403, 'HOST_NOT_ALLOWED', {}],
    [
      { url: '/api/v1/stat?resource=deploy', headers: { origin: 'http://evil.example' } },
      403,
      'ORIGIN_NOT_ALLOWED',
      {},
    ],
  ] as const) {
    const answer = await app.inject(request)
    t.equal(answer.statusCode, status, request.url)
    t.match(answer.headers, { 'content-type': 'application/problem+json; charset=utf-8', ...headers })
    if (code !== undefined) t.equal(answer.json().code, code)
  }
  const { app: named } = await gatewayServer(t, { allowedHosts: ['mesh.example.com'] })
  const headers = { host: 'mesh.example.com', origin: 'https://mesh.example.com' }
  t.equal((await named.inject({ url: '/api/v1/resources', headers })).statusCode, 200)
})

t.test('readiness is what the owner says', async (t) => {
  const { app } = await gatewayServer(t, { ready: () => ({ ready: false, reason: 'loading' }) })
  t.match((await app.inject('/readyz')).json(), { status: 503, code: 'NOT_READY', detail: 'loading' })
  t.equal((await app.inject('/livez')).statusCode, 200)
})
