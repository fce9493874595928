import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { startProxy } from '../../src/proxy/proxy.ts'
import { ANYWHERE, closed, deferred, listen, readAll, send, sendRaw, startRig, WEB } from './rig.ts'

const BOT = { namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot', pod: 'vote-bot-1' }

function echoServer(): WebSocketServer & { http: ReturnType<typeof createServer> } {
  const http = createServer((_, response) => response.end('plain'))
  const server = new WebSocketServer({ server: http })
  server.on('connection', (socket, request) => {
    socket.send(
      JSON.stringify([
        request.url,
        Object.keys(request.headers).filter((name) => name.startsWith('meshtap')),
      ]),
    )
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  return Object.assign(server, { http })
}

t.test('a websocket passes, and is reported when it opens', async (t) => {
  const server = echoServer()
  await using rig = await startRig(server.http)
  const client = new WebSocket(rig.url.replace('http', 'ws') + '/chat?room=1', 'a-protocol', {
    headers: { 'x-a': 'b' },
  })
  const [greeting] = (await once(client, 'message')) as [Buffer]
  t.equal(greeting.toString(), '["/chat?room=1",[]]')
  t.equal(client.protocol, 'a-protocol')
  t.match((await rig.ingest.requestsOnce(1))[0], {
    method: 'GET',
    path: '/chat?room=1',
    status: 101,
    reset: undefined,
  })

  const data = Buffer.alloc(300_000, 'x')
  client.send(data)
  const [echo] = (await once(client, 'message')) as [Buffer]
  t.ok(echo.equals(data))
  client.close(4001, 'done')
  const [code] = (await once(client, 'close')) as [number]
  t.equal(code, 4001)
  const connections = await rig.ingest.connectionsOnce((events) => events.some(({ closed }) => closed === 1))
  const sum = (field: 'readBytes' | 'writtenBytes'): number =>
    connections.reduce((total, event) => total + (event[field] ?? 0), 0)
  t.ok(
    sum('readBytes') > 300_000 && sum('writtenBytes') > 300_000,
    'what it carried counts for the connection',
  )
  t.equal(rig.ingest.requests.length, 1)
})

t.test('a websocket through two sidecars is known to both', async (t) => {
  const server = echoServer()
  await using web = await startRig(server.http)
  const bot = await startProxy({
    workload: BOT,
    outbound: { listen: ANYWHERE, routes: [{ authority: 'web-svc', upstreams: [web.url] }] },
    ingestUrl: web.ingest.url,
    reporter: { flushMs: 1 },
    limits: { closeGraceMs: 50 },
  })
  const client = new WebSocket(bot.outboundUrl!.replace('http', 'ws'), { headers: { host: 'web-svc' } })
  const upgraded = once(client, 'upgrade') as Promise<[{ headers: object }]>
  const [greeting] = (await once(client, 'message')) as [Buffer]
  t.equal(greeting.toString(), '["/",[]]')
  t.notOk(Object.keys((await upgraded)[0].headers).some((name) => name.startsWith('meshtap')))
  const events = await web.ingest.requestsOnce(2)
  t.same(new Set(events.map(({ direction }) => direction)), new Set(['inbound', 'outbound']))
  for (const event of events) t.match(event, { status: 101, source: BOT, destination: WEB })
  const gone = once(client, 'close')
  await bot.close()
  await gone
})

t.test('a side that is cut takes the other with it', async (t) => {
  const server = echoServer()
  await using rig = await startRig(server.http)
  const open = async (): Promise<WebSocket> => {
    const client = new WebSocket(rig.url.replace('http', 'ws'))
    await once(client, 'message')
    return client
  }
  const first = await open()
  const serverSide = [...server.clients][0]!
  const gone = once(serverSide, 'close')
  first.terminate()
  await gone

  const second = await open()
  const alsoGone = once(second, 'close')
  for (const socket of server.clients) socket.terminate()
  await alsoGone
  t.pass()
})

t.test('a refused upgrade, and an upstream that is down, are answers', async (t) => {
  const http = createServer()
  http.on('upgrade', (_, socket) => {
    socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\nX-Why: no\r\n\r\nno way')
  })
  const check = async (url: string, want: object): Promise<void> => {
    const client = new WebSocket(url.replace('http', 'ws'))
    client.on('error', () => {})
    const [, response] = (await once(client, 'unexpected-response')) as [
      unknown,
      { statusCode: number; headers: object },
    ]
    t.match({ status: response.statusCode, headers: response.headers }, want)
    client.terminate()
  }
  await using rig = await startRig(http)
  await check(rig.url, { status: 401, headers: { 'x-why': 'no' } })
  t.match((await rig.ingest.requestsOnce(1))[0], { status: 401, responseBytes: 6, reset: undefined })

  await using down = await startRig(() => {}, {
    inbound: { listen: ANYWHERE, upstream: 'http://127.0.0.1:9' },
  })
  await check(down.url, { status: 502 })
  t.match((await down.ingest.requestsOnce(1))[0], { status: 502, reason: 'upstream-connect-failure' })
})

t.test('a client that leaves before its websocket opens: reset', async (t) => {
  const arrived = deferred()
  const left = deferred()
  const http = createServer()
  http.on('upgrade', (_, socket) => {
    socket.on('error', () => {}).on('end', left.resolve)
    socket.on('end', () => socket.end())
    socket.resume()
    arrived.resolve()
  })
  await using rig = await startRig(http)
  const client = new WebSocket(rig.url.replace('http', 'ws'))
  client.on('error', () => {})
  await arrived.promise
  client.terminate()
  await left.promise
  t.match((await rig.ingest.requestsOnce(1))[0], { reset: true, reason: 'client-abort', status: undefined })
})

t.test('a request that offers to upgrade to anything else is served without', async (t) => {
  const http = createServer((request, response) => {
    const { method, headers } = request
    void readAll(request).then((body) =>
      response.end(`${method} ${body.toString()} ${headers.upgrade ?? 'none'}`),
    )
  })
  await using rig = await startRig(http)
  const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'
  const check = async (method: string, body: string): Promise<void> => {
    const framing = `Content-Length: ${body.length}\r\n\r\n${body}`
    const answer = await sendRaw(rig.url, `${method} / HTTP/1.1\r\nHost: a\r\n${offer}${framing}`)
    t.ok(answer.startsWith('HTTP/1.1 200 ') && answer.endsWith(`\r\n${method} ${body} none`), answer)
  }
  await check('GET', '')
  await check('POST', 'hello')
  t.equal((await rig.ingest.requestsOnce(2)).length, 2)
  t.equal((await send(rig.url)).status, 200)
})

t.test('a proxy closes with websockets open', async (t) => {
  const server = echoServer()
  const url = await listen(server.http)
  await using rig = await startRig(() => {}, {
    inbound: { listen: ANYWHERE, upstream: url },
    limits: { closeGraceMs: 60_000 },
  })
  const client = new WebSocket(rig.url.replace('http', 'ws'))
  await once(client, 'message')
  await Promise.all([rig.proxy.close(), once(client, 'close')])
  await closed(server.http)
  t.pass()
})
