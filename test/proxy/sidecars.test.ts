import { createServer, type IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { type RunningProxy, startProxy } from '../../src/proxy/proxy.ts'
import type { RouteOptions } from '../../src/proxy/route-table.ts'
import { CapturingIngest } from '../reporter/capturing-ingest.ts'
import { ANYWHERE, closed, listen, send, sendRaw, startRig, WEB } from './rig.ts'

const BOT = {
  cluster: 'east',
  namespace: 'emojivoto',
  kind: 'deployment',
  name: 'vote-bot',
  pod: 'vote-bot-5d8-q9',
}

interface Outbound extends AsyncDisposable {
  readonly proxy: RunningProxy
  readonly ingest: CapturingIngest
  readonly url: string
}

/** The vote-bot's sidecar. */
async function startOutbound(routes: readonly RouteOptions[]): Promise<Outbound> {
  const ingest = await CapturingIngest.start()
  const proxy = await startProxy({
    workload: BOT,
    outbound: { listen: ANYWHERE, routes },
    ingestUrl: ingest.url,
    reporter: { flushMs: 1 },
    limits: { closeGraceMs: 100 },
  })
  return {
    proxy,
    ingest,
    url: proxy.outboundUrl!,
    async [Symbol.asyncDispose]() {
      await proxy.close()
      await ingest[Symbol.asyncDispose]()
    },
  }
}

const ends = ({ direction, source, destination, status }: RequestEvent): object => ({
  direction,
  source,
  destination,
  status,
})

t.test('two sidecars tell each other who they are, and the applications nothing of it', async (t) => {
  const seen: IncomingHttpHeaders[] = []
  await using web = await startRig((request, response) => {
    seen.push(request.headers)
    response.writeHead(200, { 'meshtap-destination': 'a/b/c/forged/e/f' }).end()
  })
  await using bot = await startOutbound([{ authority: 'web-svc.emojivoto:80', upstreams: [web.url] }])
  const answer = await send(bot.url, { path: '/api/list', headers: { host: 'web-svc.emojivoto:80' } })
  t.notOk(Object.keys(answer.headers).some((name) => name.startsWith('meshtap')))
  t.notOk(Object.keys(seen[0]!).some((name) => name.startsWith('meshtap')))
  const want = { source: BOT, destination: WEB, status: 200 }
  t.same((await web.ingest.requestsOnce(1)).map(ends), [{ direction: 'inbound', ...want }])
  t.same((await bot.ingest.requestsOnce(1)).map(ends), [{ direction: 'outbound', ...want }])
  t.equal(web.ingest.requests[0]!.authority, 'web-svc.emojivoto:80')
})

t.test('without a sidecar at the other end nothing is added, and the host says what is known', async (t) => {
  await using web = await startRig((_, response) => response.end())
  const plain = await send(web.url, { headers: { 'meshtap-source': 'not what a sidecar says' } })
  t.equal(plain.headers['meshtap-destination'], undefined)
  t.same((await web.ingest.requestsOnce(1))[0]!.source, { ip: '127.0.0.1' })

  const app = createServer((_, response) => response.end())
  const appUrl = await listen(app)
  await using bot = await startOutbound([{ authority: 'legacy.billing', upstreams: [appUrl] }])
  await send(bot.url, { headers: { host: 'legacy.billing:8080' } })
  t.same((await bot.ingest.requestsOnce(1))[0]!.destination, {
    cluster: 'east',
    namespace: 'billing',
    service: 'legacy',
    port: 8080,
  })
  await closed(app)
})

t.test('a destination stays known while it is down', async (t) => {
  const web = await startRig((_, response) => response.end())
  await using bot = await startOutbound([{ authority: '*', upstreams: [web.url] }])
  const get = () => send(bot.url, { headers: { host: 'web-svc' } })
  await get()
  await web[Symbol.asyncDispose]()
  t.equal((await get()).status, 502)
  t.match((await bot.ingest.requestsOnce(2))[1], {
    destination: WEB,
    status: 502,
    reason: 'upstream-connect-failure',
  })
})

t.test('a route with several upstreams takes them in turn', async (t) => {
  await using one = await startRig((_, response) => response.end('one'))
  await using two = await startRig((_, response) => response.end('two'))
  await using bot = await startOutbound([{ authority: 'web-svc:80', upstreams: [one.url, two.url] }])
  const bodies: string[] = []
  for (let i = 0; i < 4; i++) {
    bodies.push((await send(bot.url, { headers: { host: 'WEB-SVC:80' } })).body.toString())
  }
  t.same(bodies, ['one', 'two', 'one', 'two'])
})

t.test('a host that no route names is refused, and that is reported', async (t) => {
  await using bot = await startOutbound([{ authority: 'web-svc:80', upstreams: ['http://127.0.0.1:9'] }])
  const answer = await send(bot.url, { headers: { host: 'voting-svc:80' } })
  t.equal(answer.status, 502)
  t.match(answer.body.toString(), 'no route leads to voting-svc:80; there are routes to web-svc:80')
  t.match((await bot.ingest.requestsOnce(1))[0], {
    status: 502,
    reason: 'no-route',
    destination: { service: 'voting-svc', namespace: 'emojivoto' },
  })
})

t.test('without routes, requests go to the host that they name, as through a forward proxy', async (t) => {
  await using web = await startRig((request, response) =>
    response.end(`${request.headers.host} ${request.url}`),
  )
  await using bot = await startOutbound([])
  const { host } = new URL(web.url)
  t.equal((await send(bot.url, { headers: { host }, path: '/a' })).body.toString(), `${host} /a`)
  const absolute = `GET ${web.url}/b?c HTTP/1.1\r\nHost: ignored\r\nConnection: close\r\n\r\n`
  t.match(await sendRaw(bot.url, absolute), `${host} /b?c`)
  t.same(
    (await bot.ingest.requestsOnce(2)).map(({ authority, path, destination }) => [
      authority,
      path,
      destination.name,
    ]),
    [
      [host, '/a', 'web'],
      [host, '/b?c', 'web'],
    ],
  )
})

t.test('a route that leads back to an outbound sidecar ends there', async (t) => {
  await using bot = await startOutbound([])
  const answer = await send(bot.url, { headers: { host: new URL(bot.url).host } })
  t.equal(answer.status, 508)
  const events = await bot.ingest.requestsOnce(2)
  t.same(
    events.map(({ status, reason }) => [status, reason]),
    [
      [508, 'loop'],
      [508, undefined],
    ],
  )
})

t.test('one sidecar has both sides', async (t) => {
  await using emoji = await startRig((_, response) => response.end('emoji'))
  const ingest = await CapturingIngest.start()
  const relay = createServer((_, response) => {
    void send(proxy.outboundUrl!, { headers: { host: 'emoji-svc' } }).then(({ body }) => response.end(body))
  })
  const proxy = await startProxy({
    workload: WEB,
    inbound: { listen: ANYWHERE, upstream: await listen(relay), source: BOT },
    outbound: { listen: ANYWHERE, routes: [{ authority: 'emoji-svc', upstreams: [emoji.url] }] },
    ingestUrl: ingest.url,
    reporter: { flushMs: 1 },
  })
  t.equal((await send(proxy.inboundUrl!)).body.toString(), 'emoji')
  const events = await ingest.requestsOnce(2)
  t.same(
    new Set(
      events.map(({ direction, source, destination }) => [direction, source?.pod, destination.pod].join()),
    ),
    new Set([`inbound,${BOT.pod},${WEB.pod}`, `outbound,${WEB.pod},${WEB.pod}`]),
  )
  t.same((await emoji.ingest.requestsOnce(1))[0]!.source, WEB)
  await proxy.close()
  await closed(relay)
  await ingest[Symbol.asyncDispose]()
})

t.test('a proxy that cannot be is refused with its reason', async (t) => {
  const base = { workload: WEB, ingestUrl: 'http://127.0.0.1:9' }
  await t.rejects(startProxy(base), { code: 'PROXY_OPTION_INVALID' })
  for (const upstream of ['127.0.0.1:3000', 'ftp://x', 'http://x/path', 'http://u:p@x']) {
    await t.rejects(startProxy({ ...base, inbound: { listen: ANYWHERE, upstream } }), {
      code: 'PROXY_UPSTREAM_INVALID',
    })
  }
  await using rig = await startRig(() => {})
  const port = Number(new URL(rig.url).port)
  await t.rejects(
    startProxy({ ...base, inbound: { listen: { host: '127.0.0.1', port }, upstream: rig.upstreamUrl } }),
    {
      code: 'PROXY_LISTEN_FAILED',
      message: `cannot listen on 127.0.0.1:${port}: something else listens there`,
    },
  )
})
