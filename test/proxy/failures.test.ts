import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect, type Server as TcpServer } from 'node:net'
import t from 'tap'
import {
  ANYWHERE,
  bytes,
  closed,
  deferred,
  keepAliveAgent,
  listen,
  rawServer,
  send,
  sendRaw,
  startRig,
  WEB,
} from './rig.ts'

t.test('an upstream that takes no connection: 502', async (t) => {
  const server = createServer()
  const free = await listen(server)
  await closed(server)
  await using rig = await startRig(() => {}, { inbound: { listen: ANYWHERE, upstream: free } })
  const answer = await send(rig.url, { method: 'POST', body: bytes(1_000_000) })
  t.equal(answer.status, 502)
  t.match(
    answer.body.toString(),
    /^meshtap proxy: cannot connect to the upstream: connect ECONNREFUSED 127\.0\.0\.1/,
  )
  const [event] = await rig.ingest.requestsOnce(1)
  t.match(event, {
    status: 502,
    reason: 'upstream-connect-failure',
    destination: WEB,
    responseBytes: answer.body.length,
    reset: undefined,
  })
})

t.test('an upstream whose name is unknown: 502', async (t) => {
  const upstream = 'http://does-not-exist.invalid:80'
  await using rig = await startRig(() => {}, { inbound: { listen: ANYWHERE, upstream } })
  t.match(await send(rig.url), { status: 502 })
  t.match((await rig.ingest.requestsOnce(1))[0], { status: 502, reason: 'upstream-connect-failure' })
})

t.test('an upstream that says nothing: 504, and no deadline once it speaks', async (t) => {
  const finish = deferred()
  const late = rawServer((socket) => {
    socket.once('data', (head: Buffer) => {
      if (!head.includes('/speaks')) return
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla')
      void finish.promise.then(() => socket.write('te'))
    })
  })
  await using rig = await startRig(late, { limits: { responseTimeoutMs: 50 } })
  const spoken = send(rig.url, { path: '/speaks' })
  const answer = await send(rig.url, { path: '/silent' })
  t.equal(answer.status, 504)
  t.match(answer.body.toString(), /did not begin its answer within 50 ms/)
  t.match((await rig.ingest.requestsOnce(1))[0], { path: '/silent', status: 504, reason: 'upstream-timeout' })
  finish.resolve()
  t.equal((await spoken).body.toString(), 'late')
})

t.test('an upstream that cuts the connection, or is no HTTP server, before it answers: 502', async (t) => {
  const check = async (upstream: TcpServer, reason: string): Promise<void> => {
    await using rig = await startRig(upstream)
    t.match(await send(rig.url, { method: 'POST', body: 'x' }), { status: 502 })
    t.match((await rig.ingest.requestsOnce(1))[0], { status: 502, reason, reset: undefined })
  }
  await check(
    rawServer((socket) => socket.once('data', () => socket.destroy())),
    'upstream-reset',
  )
  await check(
    rawServer((socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n'))),
    'upstream-protocol-error',
  )
  await check(
    rawServer((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n')),
    ),
    'upstream-protocol-error',
  )
})

t.test(
  'an upstream that cuts its answer off: the client sees it cut, and the event says reset',
  async (t) => {
    const check = async (head: string): Promise<void> => {
      const server = rawServer((socket) => {
        socket.once('data', () => socket.write(head, () => socket.destroySoon()))
      })
      await using rig = await startRig(server)
      await t.rejects(send(rig.url), /aborted|socket hang up/, head)
      const [event] = await rig.ingest.requestsOnce(1)
      t.match(event, { status: 200, reset: true, reason: 'upstream-reset', responseBytes: 3 }, head)
    }
    await check('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    await check('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
  },
)

t.test('a client that leaves before the answer: reset, and the upstream learns of it', async (t) => {
  const left = deferred()
  const arrived = deferred()
  await using rig = await startRig((request) => {
    arrived.resolve()
    request.on('close', left.resolve)
  })
  const outgoing = request(rig.url)
  outgoing.on('error', () => {})
  outgoing.end()
  await arrived.promise
  outgoing.destroy()
  await left.promise
  const [event] = await rig.ingest.requestsOnce(1)
  t.match(event, { reset: true, reason: 'client-abort', status: undefined })
})

t.test('a client that leaves during its upload: reset, with the bytes that passed', async (t) => {
  const left = deferred()
  const arrived = deferred()
  await using rig = await startRig((request) => {
    request.once('data', () => arrived.resolve())
    request.on('error', left.resolve)
  })
  const outgoing = request(rig.url, { method: 'POST', headers: { 'content-length': 1000 } })
  outgoing.on('error', () => {})
  outgoing.write('x'.repeat(100))
  await arrived.promise
  outgoing.destroy()
  await left.promise
  const [event] = await rig.ingest.requestsOnce(1)
  t.match(event, { reset: true, reason: 'client-abort', status: undefined, requestBytes: 100 })
})

t.test('a client that leaves during the answer: reset, with the status that it had', async (t) => {
  const left = deferred()
  await using rig = await startRig((_, response) => {
    response.on('close', left.resolve)
    response.write('x'.repeat(100))
  })
  const outgoing = request(rig.url).end()
  outgoing.on('error', () => {})
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  response.on('error', () => {})
  response.destroy()
  await left.promise
  const [event] = await rig.ingest.requestsOnce(1)
  t.match(event, { status: 200, reset: true, reason: 'client-abort', responseBytes: 100 })
})

t.test('a client that leaves with answers outstanding: each of its requests is reported', async (t) => {
  const arrived = deferred()
  let count = 0
  await using rig = await startRig((request, response) => {
    if (request.url === '/second') response.end('ok')
    if (++count === 3) arrived.resolve()
  })
  const { port } = new URL(rig.url)
  const socket = connect(Number(port), '127.0.0.1')
  for (const path of ['first', 'second', 'third']) socket.write(`GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  await arrived.promise
  socket.destroy()
  const events = await rig.ingest.requestsOnce(3)
  t.same(events.map(({ path, reason }) => `${path} ${reason}`).sort(), [
    '/first client-abort',
    '/second client-abort',
    '/third client-abort',
  ])
})

t.test('a kept connection that the upstream closes meanwhile costs no safe request', async (t) => {
  // Answers the first request on each connection, and closes when there is a second: the race that kept connections lose.
  const server = rawServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      socket.once('data', () => socket.destroy())
    })
  })
  await using rig = await startRig(server)
  using agent = keepAliveAgent()
  const check = async (method: string, body: string | undefined, want: number): Promise<void> => {
    t.equal((await send(rig.url, { agent })).status, 200)
    t.equal(
      (await send(rig.url, { agent, method, ...(body === undefined ? {} : { body }) })).status,
      want,
      method,
    )
  }
  await check('GET', undefined, 200)
  t.equal(rig.proxy.stats.retries, 1)
  await check('HEAD', undefined, 200)
  await check('POST', 'once', 502)
  await check('POST', undefined, 502)
  t.equal(rig.proxy.stats.retries, 2)
  const events = await rig.ingest.requestsOnce(8)
  t.same(
    events.map(({ status }) => status),
    [200, 200, 200, 200, 200, 502, 200, 502],
  )
})

t.test('what is no HTTP is refused without harm', async (t) => {
  await using rig = await startRig((_, response) => response.end('ok'))
  t.match(await sendRaw(rig.url, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await sendRaw(rig.url, 'GET / HTTP/1.1\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.equal((await send(rig.url)).status, 200)
})

t.test('an ingest that is away costs the traffic nothing', async (t) => {
  await using rig = await startRig((_, response) => response.end('ok'), {
    ingestUrl: 'http://127.0.0.1:9',
    reporter: { flushMs: 1, closeMs: 1 },
  })
  for (let i = 0; i < 20; i++) t.equal((await send(rig.url)).status, 200)
})

t.test('close lets requests under way end, turns new ones away, and reports everything', async (t) => {
  const arrived = deferred()
  const finish = deferred()
  await using rig = await startRig(
    (_, response) => {
      response.write('be')
      arrived.resolve()
      void finish.promise.then(() => response.end('gun'))
    },
    { limits: { closeGraceMs: 10_000 } },
  )
  using agent = keepAliveAgent()
  const underWay = send(rig.url, { agent })
  await arrived.promise
  const closing = rig.proxy.close()
  await t.rejects(send(rig.url), { code: 'ECONNREFUSED' })
  finish.resolve()
  t.equal((await underWay).body.toString(), 'begun')
  await closing
  t.equal(rig.ingest.requests.length, 1)
  t.match(rig.ingest.requests[0], { status: 200, reset: undefined })
  const last = rig.ingest.connections.at(-1)
  t.equal(last?.open, 0)
})

t.test('close cuts what outlasts its grace', async (t) => {
  const arrived = deferred()
  await using rig = await startRig(() => arrived.resolve(), { limits: { closeGraceMs: 20 } })
  const underWay = send(rig.url)
  await arrived.promise
  await Promise.all([rig.proxy.close(), t.rejects(underWay)])
  t.match(rig.ingest.requests, [{ reset: true, reason: 'proxy-shutdown' }])
})
