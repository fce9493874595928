import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import WebSocket from 'ws'
import type { TapAnswer } from '../../src/query/answer.ts'
import { TapBusError } from '../../src/tap/tap-bus.ts'
import { strictSchema } from '../http/openapi-checks.ts'
import { listening } from '../http/listening.ts'
import { request, times } from '../query/events.ts'
import { frameOf, gatewayServer } from './gateway-server.ts'

const event = request('bot', 'web', { path: '/api/vote' })

/** Frames that have events, as they come. */
function frames(socket: WebSocket): TapAnswer[] {
  const found: TapAnswer[] = []
  socket.on('message', (data: Buffer) => {
    const frame = JSON.parse(data.toString()) as TapAnswer
    if (frame.events.length > 0) found.push(frame)
  })
  return found
}

t.test('a websocket gets frames of its tap, and leaving it ends the tap', async (t) => {
  const { app, registered, publish, taps } = await gatewayServer(t)
  const document = (await app.inject('/api/openapi.json')).json()
  const socket = await app.injectWS('/api/v1/tap?resource=deploy/web&max_rps=50')
  const got = frames(socket)
  const [tap] = await registered(1)
  t.match(tap?.query, { resource: { kind: 'deployment', name: 'web' }, maxRps: 50 })
  await publish([event])
  while (got.length === 0) await new Promise(setImmediate)
  t.match(got, [
    {
      events: [{ path: '/api/vote', latencyMicros: 1000 }],
      seen: 1,
      matched: 1,
      sent: 1,
      dropped: 0,
      sampledOut: 0,
    },
  ])
  t.ok(strictSchema(document, 'Tap')({ ...got[0], events: [] }))
  socket.terminate()
  await registered(0)
  t.match(taps.stats, { sessions: 0, taps: 0 })
})

t.test('a bad query is refused before the upgrade', async (t) => {
  const { app } = await gatewayServer(t)
  const port = await listening(app)
  for (const [path, headers, status, code] of [
    ['/api/v1/tap?max_rps=0', {}, 400, 'BAD_PARAMETER'],
    ['/api/v1/tap?nonsense=1', {}, 400, 'BAD_PARAMETER'],
    ['/api/v1/nothing', {}, 404, 'NOT_FOUND'],
    ['/api/v1/tap', { origin: 'http://evil.example' }, 403, 'ORIGIN_NOT_ALLOWED'],
    ['/api/v1/tap', { host: 'evil.example' }, 403, 'HOST_NOT_ALLOWED'],
  ] as const) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
    const [, response] = (await once(socket, 'unexpected-response')) as [
      unknown,
      NodeJS.ReadableStream & { statusCode: number },
    ]
    t.equal(response.statusCode, status, path)
    let body = ''
    for await (const chunk of response) body += String(chunk)
    t.match(JSON.parse(body), { status, code }, path)
    socket.on('error', () => {})
    socket.terminate()
  }
})

t.test('the connection of a refused upgrade is closed, whoever refused it', async (t) => {
  const { app } = await gatewayServer(t)
  const port = await listening(app)
  for (const [path, header] of [
    ['/api/v1/tap?max_rps=0', 'x: y'],
    ['/api/v1/tap', 'origin: http://evil.example'],
  ] as const) {
    const socket = connect(port, '127.0.0.1')
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk.toString()))
    socket.write(
      `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${header}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    )
    await once(socket, 'close')
    t.match(answer, /^HTTP\/1\.1 40[03] [^]*connection: close/)
  }
})

t.test('without tokens one address has only so many streams, of any kind', async (t) => {
  const { app, registered } = await gatewayServer(t, { limits: { streamsPerAddress: 2 } })
  const port = await listening(app)
  const stop = new AbortController()
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}/api/v1/${path}`, { signal: stop.signal })
  const opened = [await ask('tap'), await ask('stat?resource=deploy&stream=true')]
  for (const { status } of opened) t.equal(status, 200)
  for (const path of ['tap', 'top?resource=deploy&stream=true']) {
    const refused = await ask(path)
    t.match(await refused.json(), { code: 'STREAM_LIMIT', detail: /^127\.0\.0\.1 has 2 streams open/ })
  }
  await opened[0]!.body!.cancel()
  await registered(0)
  t.equal((await ask('tap')).status, 200, 'one that has ended makes room')
  stop.abort()
})

t.test('a tap that cannot be opened is refused before the upgrade', async (t) => {
  const { app, registered, bus, taps } = await gatewayServer(t, {}, { limits: { sessions: 1 } })
  const socket = await app.injectWS('/api/v1/tap')
  await registered(1)
  const limit = await app.inject('/api/v1/tap')
  t.equal(limit.headers['retry-after'], '5')
  t.match(limit.json(), { status: 429, code: 'TAP_LIMIT' })
  await t.rejects(app.injectWS('/api/v1/tap'), { message: 'Unexpected server response: 429' })
  socket.terminate()
  await registered(0)
  bus.register = () => Promise.reject(new TapBusError('TAP_BUS_UNAVAILABLE', 'connection refused'))
  t.match((await app.inject('/api/v1/tap')).json(), {
    status: 503,
    code: 'TAP_BUS_UNAVAILABLE',
    detail: 'taps cannot be opened: connection refused',
  })
  t.match(taps.stats, { sessions: 0, taps: 0 })
})

t.test("Node's own client gets frames, and a pending handshake leaves nothing behind", async (t) => {
  const { app, registered, publish, taps } = await gatewayServer(t)
  const port = await listening(app)
  const socket = new globalThis.WebSocket(`ws://localhost:${port}/api/v1/tap?resource=deploy/web`)
  const message = new Promise<string>((resolve) => {
    socket.addEventListener('message', ({ data }) => resolve(String(data)))
  })
  await registered(1)
  await publish([event])
  t.match(JSON.parse(await message), { events: [{ path: '/api/vote' }], sent: 1 })
  socket.close()
  await registered(0)

  // A handshake that fails after the tap was opened: no Sec-WebSocket-Key.
  const raw = connect(port, '127.0.0.1')
  raw.write(
    'GET /api/v1/tap HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  )
  const [answer] = (await once(raw, 'data')) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 400/)
  raw.destroy()
  await registered(0)
  t.match(taps.stats, { sessions: 0, taps: 0 })
})

t.test('a client that talks, or too much, is shown out', async (t) => {
  const { app, registered } = await gatewayServer(t)
  const port = await listening(app)
  for (const [message, code] of [
    ['hello', 1008],
    ['x'.repeat(64 * 1024 + 1), 1009],
  ] as const) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap`)
    await once(socket, 'open')
    socket.send(message)
    const [closed] = await once(socket, 'close')
    t.equal(closed, code)
    await registered(0)
  }
})

t.test('a peer that does not answer a ping is dead', async (t) => {
  const { app, registered } = await gatewayServer(t, { limits: { pingMs: 50 } })
  const port = await listening(app)
  const alive = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap?path=/alive`)
  const dead = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap?path=/dead`, { autoPong: false })
  await Promise.all([once(alive, 'open'), once(dead, 'open')])
  await once(dead, 'close')
  const [tap] = await registered(1)
  t.equal(tap?.query.path, '/alive')
  await once(alive, 'ping')
  alive.terminate()
})

t.test('lines of JSON come at once, one frame a line, until the client goes', async (t) => {
  const { app, registered, publish, pass } = await gatewayServer(t)
  const port = await listening(app)
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/tap?resource=deploy/web`)
  t.equal(answer.status, 200, 'the headers came before any frame')
  t.match(Object.fromEntries(answer.headers), {
    'content-type': 'application/x-ndjson; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  })
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  await registered(1)
  pass(20)
  const idle = (await reader.read()).value!
  t.same(JSON.parse(idle), { events: [], seen: 0, matched: 0, sent: 0, dropped: 0, sampledOut: 0 })
  t.ok(idle.endsWith('}\n'))
  await publish([event, event])
  let text = ''
  while (!text.includes('"sent":2')) text += (await reader.read()).value
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as TapAnswer)
  t.equal(lines.flatMap(({ events }) => events).length, 2)
  await reader.cancel()
  await registered(0)
})

t.test('a client of lines that takes nothing is dead after a while', async (t) => {
  const { app, registered, bus, pass, taps } = await gatewayServer(t, { limits: { stallMs: 100 } })
  const port = await listening(app)
  const idle = await fetch(`http://127.0.0.1:${port}/api/v1/tap?path=/idle`)
  const stalled = connect(port, '127.0.0.1')
  stalled.write('GET /api/v1/tap?path=/x&max_rps=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n')
  stalled.pause()
  while (taps.stats.sessions < 2) await new Promise(setImmediate)
  const tap = (await registered(2)).find(({ query }) => query.path === '/x')!
  const large = times(100, () => request('bot', 'web', { path: `/${'x'.repeat(2000)}` }))
  while (taps.stats.sessions > 1) {
    await bus.publish(tap.id, frameOf(large))
    pass(1)
    await new Promise(setImmediate)
  }
  const [left] = await registered(1)
  t.equal(left?.query.path, '/idle', 'one for which nothing waits is not')
  stalled.destroy()
  await idle.body!.cancel()
  await registered(0)
})

t.test('curl shows a tap', async (t) => {
  const { app, registered, publish } = await gatewayServer(t)
  const port = await listening(app)
  for (const options of [['-N'], ['-N', '--http2']]) {
    const curl = spawn('curl', ['-s', ...options, `http://localhost:${port}/api/v1/tap?status=200`])
    let text = ''
    curl.stdout.on('data', (chunk) => (text += String(chunk)))
    await registered(1)
    await publish([event])
    while (!text.includes('\n')) await once(curl.stdout, 'data')
    t.match(JSON.parse(text.split('\n', 1)[0]!), { events: [{ path: '/api/vote' }] })
    curl.kill()
    await registered(0)
  }
})

t.test('closing ends taps of both kinds at once and tells them so', async (t) => {
  const { app, registered, taps } = await gatewayServer(t)
  const port = await listening(app)
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap?path=/a`)
  await once(socket, 'open')
  const lines = await fetch(`http://127.0.0.1:${port}/api/v1/tap?path=/b`)
  await registered(2)
  const [[code], text] = await Promise.all([once(socket, 'close'), lines.text(), app.close()])
  t.equal(code, 1001)
  t.equal(text, '')
  t.match(taps.stats, { sessions: 0, taps: 0 })
})

t.test('a hub that closes first ends them too', async (t) => {
  const { app, registered, taps } = await gatewayServer(t)
  const port = await listening(app)
  const socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap?path=/a`)
  await once(socket, 'open')
  const lines = await fetch(`http://127.0.0.1:${port}/api/v1/tap?path=/b`)
  await registered(2)
  const [[code]] = await Promise.all([once(socket, 'close'), lines.text(), taps.close()])
  t.equal(code, 1001)
  t.match((await app.inject('/api/v1/tap')).json(), { status: 503, code: 'TAP_BUS_CLOSED' })
})

t.test('a client that does not read holds nobody up and loses only its own frames', async (t) => {
  const { app, registered, bus, pass, taps } = await gatewayServer(
    t,
    {},
    { limits: { queueBytes: 2_000_000 } },
  )
  const port = await listening(app)
  const slow = connect(port, '127.0.0.1')
  slow.write('GET /api/v1/tap?max_rps=10000 HTTP/1.1\r\nhost: localhost\r\n\r\n')
  slow.pause()
  const fast = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap?max_rps=10000`)
  await once(fast, 'open')
  const fastest: { last?: TapAnswer } = {}
  fast.on('message', (data: Buffer) => (fastest.last = JSON.parse(data.toString()) as TapAnswer))
  const has = async (matched: number): Promise<void> => {
    while ((fastest.last?.matched ?? 0) < matched) {
      pass(1)
      await new Promise(setImmediate)
    }
  }
  while (taps.stats.sessions < 2) await new Promise(setImmediate)
  const [tap] = await registered(1)
  const large = times(100, (index) => request('bot', 'web', { path: `/${'x'.repeat(2000)}${index}` }))
  let most = 0
  // Sockets of both ends hold some; more than that stays in the session's queue, which is bounded.
  for (let round = 1; round <= 100; round++) {
    await bus.publish(tap!.id, frameOf(large))
    await has(round * large.length)
    most = Math.max(most, taps.stats.queuedBytes)
  }
  t.ok(most > 500_000 && most <= 2_000_000, `queued at most ${most} bytes`)
  t.equal(fastest.last?.dropped, 0, 'the fast one got everything')
  let text = ''
  slow.on('data', (chunk) => (text += chunk.toString()))
  slow.resume()
  while (!/"dropped":[1-9]/.test(text)) await new Promise(setImmediate)
  t.pass('the slow one is told what it lost')
  slow.destroy()
  fast.terminate()
  await registered(0)
})
