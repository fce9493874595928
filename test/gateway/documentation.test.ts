import t from 'tap'
import { TAP_PARAMETERS } from '../../src/tap/parse-tap-query.ts'
import { checkDocument } from '../http/openapi-checks.ts'
import { gatewayServer } from './gateway-server.ts'

const ROUTES = [
  'GET /api/v1/stat',
  'GET /api/v1/top',
  'GET /api/v1/edges',
  'GET /api/v1/routes',
  'GET /api/v1/timeseries',
  'GET /api/v1/resources',
  'GET /api/v1/tap',
  'POST /api/v1/tickets',
  'GET /livez',
  'GET /readyz',
  'GET /api/openapi.json',
  'GET /api/docs/',
  'GET /',
]

interface Operations {
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly get: {
          readonly parameters?: readonly { readonly name: string; readonly example?: string | number }[]
        }
      }
    >
  >
}

interface Guarded {
  readonly components: { readonly securitySchemes: unknown }
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly security?: unknown
            readonly responses: Readonly<
              Record<string, { readonly description: string; readonly headers?: object }>
            >
          }
        >
      >
    >
  >
}

t.test('the document is valid, has every route, and every parameter of each', async (t) => {
  const { app } = await gatewayServer(t)
  const document = await checkDocument(t, app, ROUTES)
  const { paths } = document as unknown as Operations
  const documented = (path: string): string[] => (paths[path]?.get.parameters ?? []).map(({ name }) => name)
  t.same(documented('/api/v1/tap').sort(), [...TAP_PARAMETERS, 'last', 'since'].toSorted())
  for (const query of ['stat', 'top', 'edges', 'routes', 'timeseries', 'resources']) {
    const path = `/api/v1/${query}`
    const answer = await app.inject(`${path}?nonsense=1`)
    const [, list = ''] = /there are (.*)$/.exec(answer.json().detail) ?? []
    const asked = documented(path).filter((name) => name !== 'stream')
    t.same(asked.sort(), list.split(', ').sort(), path)
  }
})

t.test('every route that wants a token says how it is shown, and how it is refused', async (t) => {
  const { app } = await gatewayServer(t, { metrics: async () => ({ headers: {}, body: '' }) })
  const { paths, components } = (await app.inject('/api/openapi.json')).json<Operations & Guarded>()
  t.match(components.securitySchemes, {
    bearer: { type: 'http', scheme: 'bearer' },
    ticket: { type: 'apiKey', in: 'query', name: 'ticket' },
  })
  const documented = app.guarded.filter(({ method }) => method !== 'HEAD')
  let granted = 0
  for (const { method, url, access, isWebsocket } of documented) {
    const operation = (paths as unknown as Guarded['paths'])[url]?.[method.toLowerCase()]
    if (access === 'open') {
      t.equal(operation?.security, undefined, `${url} is open`)
      continue
    }
    granted++
    const ways = isWebsocket ? [{ bearer: [] }, { ticket: [] }] : [{ bearer: [] }]
    t.strictSame(operation?.security, ways, url)
    for (const [status, code] of [
      ['401', 'TOKEN_MISSING'],
      ['403', 'NOT_GRANTED'],
      ['429', 'RATE_LIMIT'],
    ] as const) {
      const response = operation?.responses[status]
      t.match(JSON.stringify(response), `"code":"${code}"`, `${url} ${status}`)
      t.match(response?.description, /\w/)
      if (status === '429') t.ok('retry-after' in response!.headers!, `${url} ${status}`)
    }
  }
  t.ok(granted >= 9, 'there are such routes')
})

t.test('examples of parameters are taken', async (t) => {
  const { app } = await gatewayServer(t)
  const { paths } = (await app.inject('/api/openapi.json')).json<Operations>()
  for (const query of ['stat', 'top', 'edges', 'routes', 'timeseries', 'resources']) {
    const given = paths[`/api/v1/${query}`]?.get.parameters ?? []
    const search = new URLSearchParams(
      given.flatMap(({ name, example }) =>
        example === undefined ? [] : [[name, String(example)] satisfies [string, string]],
      ),
    ).toString()
    const answer = await app.inject(`/api/v1/${query}?${search}`)
    t.equal(answer.statusCode, 200, `${query}?${search}: ${answer.body}`)
  }
})

t.test('the landing page names every route and needs no script', async (t) => {
  const { app } = await gatewayServer(t, { version: '1.2.3 <b>' })
  const page = await app.inject('/')
  t.equal(page.headers['content-type'], 'text/html; charset=utf-8')
  t.match(page.headers['content-security-policy'], /^default-src 'none'/)
  t.notMatch(page.body, /<script|<b>/)
  t.match(page.body, 'meshtap 1.2.3 &lt;b&gt;')
  for (const route of ROUTES.slice(0, -1)) t.match(page.body, `href="${route.replace(/^[A-Z]+ /, '')}"`)
})
