import { once } from 'node:events'
import { get, type IncomingMessage, request } from 'node:http'
import t, { type Test } from 'tap'
import { HttpProblem } from '../../src/http/problem.ts'
import { StatusServer, type StatusServerOptions } from '../../src/http/status-server.ts'

async function serve(t: Test, options: Partial<StatusServerOptions> = {}): Promise<StatusServer> {
  const server = new StatusServer({
    ready: () => ({ ready: true }),
    onError: (error) => t.fail(String(error)),
    ...options,
  })
  await server.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => server.close())
  return server
}

async function ask(server: StatusServer, path: string, headers = {}, method = 'GET') {
  const sent = request(`${server.listeningOrigin}${path}`, { method, headers, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  let body = ''
  for await (const chunk of response.setEncoding('utf8')) body += chunk as string
  const isJson = response.headers['content-type']?.includes('json') && body !== ''
  return {
    status: response.statusCode,
    headers: response.headers,
    body: isJson ? (JSON.parse(body) as unknown) : body,
  }
}

t.test('it lives, and is ready when its role says so, else it says why', async (t) => {
  let state: { ready: boolean; reason?: string } = { ready: false, reason: 'partitions are not claimed yet' }
  const server = await serve(t, { ready: () => state })
  t.match(await ask(server, '/livez'), { status: 200, body: { status: 'ok' } })
  t.match(await ask(server, '/readyz'), {
    status: 503,
    headers: { 'retry-after': '1', 'content-type': /^application\/problem\+json/ },
    body: { code: 'NOT_READY', detail: 'partitions are not claimed yet' },
  })
  state = { ready: true }
  t.match(await ask(server, '/readyz?verbose'), { status: 200, body: { status: 'ok' } })
  t.match(await ask(server, '/readyz', {}, 'HEAD'), { status: 200, body: '' })
})

t.test('pages are given, or the problem they have; a fault of ours tells nothing of itself', async (t) => {
  const faults: unknown[] = []
  const server = await serve(t, {
    onError: (error) => faults.push(error),
    pages: {
      '/metrics': async () => ({ headers: { 'content-type': 'text/plain' }, body: 'up 1\n' }),
      '/away': async () => {
        throw new HttpProblem(503, 'STORE_UNAVAILABLE', 'no Redis')
      },
      '/broken': async () => {
        throw new Error('secret')
      },
    },
  })
  t.match(await ask(server, '/metrics'), {
    status: 200,
    headers: { 'content-type': 'text/plain' },
    body: 'up 1\n',
  })
  t.match(await ask(server, '/away'), { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  t.strictSame(faults, [])
  const broken = await ask(server, '/broken')
  t.match(broken, { status: 500, body: { code: 'INTERNAL' } })
  t.notMatch(JSON.stringify(broken.body), 'secret')
  t.match(faults, [{ message: 'secret' }])
})

t.test('what there is not is refused, and pages by hosts that are not allowed', async (t) => {
  const pages = { '/metrics': async () => ({ headers: { 'content-type': 'text/plain' }, body: '' }) }
  const server = await serve(t, { pages, allowedHosts: ['exporter'] })
  t.match(await ask(server, '/nothing'), {
    status: 404,
    body: { detail: /only \/livez, \/readyz, \/metrics$/ },
  })
  t.match(await ask(server, '/__proto__'), { status: 404 })
  t.match(await ask(server, '/livez', {}, 'POST'), { status: 405, headers: { allow: 'GET, HEAD' } })
  t.match(await ask(server, '/metrics', { host: 'evil.example' }), {
    status: 403,
    body: { code: 'HOST_NOT_ALLOWED' },
  })
  t.match(await ask(server, '/metrics', { host: 'exporter' }), { status: 200 })
  t.match(await ask(server, '/livez', { host: 'anything' }), { status: 200 })
})

t.test('it closes though a client does not let go, and again', async (t) => {
  const gate = Promise.withResolvers<never>()
  const server = await serve(t, { pages: { '/slow': () => gate.promise } })
  const client = get(`${server.listeningOrigin}/slow`).on('error', () => undefined)
  await once(client, 'socket')
  await ask(server, '/livez')
  await server.close()
  await server.close()
  t.pass()
})
