import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import t from 'tap'
import {
  bytes,
  deferred,
  keepAliveAgent,
  rawServer,
  readAll,
  send,
  sendRaw,
  sha,
  startRig,
  steady,
  WEB,
} from './rig.ts'

t.test('a request passes as it was written, and is reported once', async (t) => {
  let seen: { url?: string | undefined; rawHeaders?: string[] } = {}
  await using rig = await startRig((request, response) => {
    seen = { url: request.url, rawHeaders: request.rawHeaders }
    response.sendDate = false
    response.writeHead(201, 'Made', ['X-One', 'a', 'x-one', 'b', 'Set-Cookie', 'c=1', 'Set-Cookie', 'd=2'])
    response.end('hello')
  })
  const answer = await send(rig.url, {
    path: '/a/../b//c%2Fd?q=%20&choice=:doughnut:',
    headers: {
      Host: 'web-svc.emojivoto:80',
      'X-Mixed-Case': ['one', 'two'],
      Cookie: 'a=1; b=2',
      'user-agent': 'test',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'keep-alive': 'timeout=1',
      connection: 'close, x-private',
      'x-private': 'for the next hop',
    },
  })
  t.equal(seen.url, '/a/../b//c%2Fd?q=%20&choice=:doughnut:')
  t.same(pairsOf(seen.rawHeaders!), [
    ['Connection', 'keep-alive'],
    ['Cookie', 'a=1; b=2'],
    ['Host', 'web-svc.emojivoto:80'],
    ['X-Mixed-Case', 'one'],
    ['X-Mixed-Case', 'two'],
    ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
    ['user-agent', 'test'],
  ])
  t.equal(answer.status, 201)
  t.equal(answer.statusMessage, 'Made')
  t.same(pairsOf(answer.rawHeaders), [
    ['Connection', 'close'],
    ['Set-Cookie', 'c=1'],
    ['Set-Cookie', 'd=2'],
    ['Transfer-Encoding', 'chunked'],
    ['X-One', 'a'],
    ['x-one', 'b'],
  ])
  t.equal(answer.body.toString(), 'hello')

  const before = Date.now()
  const [event] = await rig.ingest.requestsOnce(1)
  t.same(steady(event!), {
    kind: 'request',
    direction: 'inbound',
    proxy: WEB.pod,
    source: { ip: '127.0.0.1' },
    destination: WEB,
    tls: false,
    method: 'GET',
    scheme: 'http',
    authority: 'web-svc.emojivoto:80',
    path: '/a/../b//c%2Fd?q=%20&choice=:doughnut:',
    status: 201,
    responseBytes: 5,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  })
  t.ok(Math.abs(event!.timeMs - before) < 5000)
  t.ok(event!.latencyMicros > 0 && event!.latencyMicros < 5_000_000)
  t.equal(rig.ingest.requests.length, 1)
})

t.test('both bodies stream: neither waits for its end', async (t) => {
  await using rig = await startRig((request, response) => {
    request.on('data', (chunk: Buffer) => response.write(`got ${chunk.toString()};`))
    request.on('end', () => response.end('end'))
  })
  const outgoing = request(rig.url, { method: 'POST' })
  outgoing.write('one')
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const [first] = (await once(response, 'data')) as [Buffer]
  t.equal(first.toString(), 'got one;')
  outgoing.end('two')
  t.equal((await readAll(response)).toString(), 'got two;end')
})

t.test('an answer reaches the client piece by piece, its head before any of it', async (t) => {
  const finish = deferred()
  await using rig = await startRig((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    void finish.promise.then(() => response.end('data: 1\n\n'))
  })
  const response = await fetch(rig.url)
  t.equal(response.headers.get('content-type'), 'text/event-stream')
  finish.resolve()
  t.equal(await response.text(), 'data: 1\n\n')
})

t.test('large bodies pass whole, and are counted', async (t) => {
  const down = bytes(20 * 1024 * 1024)
  await using rig = await startRig((request, response) => {
    void readAll(request).then((up) => response.end(Buffer.concat([Buffer.from(sha(up)), down])))
  })
  const up = bytes(10 * 1024 * 1024)
  for (const body of [up, Readable.from([up])]) {
    const answer = await send(rig.url, { method: 'PUT', body })
    t.equal(answer.body.subarray(0, 64).toString(), sha(up))
    t.equal(sha(answer.body.subarray(64)), sha(down))
  }
  for (const event of await rig.ingest.requestsOnce(2)) {
    t.match(event, { requestBytes: up.length, responseBytes: down.length + 64, status: 200 })
  }
})

t.test('answers without a body keep their headers and their connection', async (t) => {
  await using rig = await startRig((request, response) => {
    const status = Number(request.url!.slice(1))
    if (status === 304) response.writeHead(304, { etag: '"a"', 'content-length': '123' }).end()
    else if (status === 204) response.writeHead(204).end()
    else
      response.writeHead(status, { 'content-length': '9', 'x-a': 'b' }).end(status === 205 ? '' : 'nine byte')
  })
  using agent = keepAliveAgent()
  const check = async (method: string, path: string, want: object): Promise<void> => {
    const answer = await send(rig.url, { method, path, agent })
    t.match({ ...answer, body: answer.body.toString() }, want, `${method} ${path}`)
  }
  await check('HEAD', '/200', { status: 200, headers: { 'content-length': '9', 'x-a': 'b' }, body: '' })
  await check('GET', '/204', { status: 204, body: '' })
  await check('GET', '/304', { status: 304, headers: { etag: '"a"', 'content-length': '123' }, body: '' })
  await check('GET', '/404', { status: 404, headers: { 'x-a': 'b' }, body: 'nine byte' })
  await check('GET', '/500', { status: 500, body: 'nine byte' })
  t.equal(rig.proxy.stats.openConnections, 1)
  t.same(
    (await rig.ingest.requestsOnce(5)).map(({ method, status, responseBytes = 0 }) => [
      method,
      status,
      responseBytes,
    ]),
    [
      ['HEAD', 200, 0],
      ['GET', 204, 0],
      ['GET', 304, 0],
      ['GET', 404, 9],
      ['GET', 500, 9],
    ],
  )
})

t.test('every framing of a request arrives as what it is', async (t) => {
  await using rig = await startRig((request, response) => {
    const { 'content-length': length = '-', 'transfer-encoding': encoding = '-' } = request.headers
    const head = [request.method, request.url, length, encoding].join(' ')
    void readAll(request).then((body) => response.end(`${head} ${body.toString()}`))
  })
  const check = async (head: string, body: string, want: string): Promise<void> => {
    const answer = await sendRaw(rig.url, `${head}\r\nHost: a\r\nConnection: close\r\n${body}`)
    t.match(answer, /^HTTP\/1\.1 200 /, head)
    t.ok(answer.replaceAll(/\r\n/g, ' ').includes(want), `${head}: ${answer}`)
  }
  await check('POST /none HTTP/1.1', '\r\n', 'POST /none 0 - ')
  await check('GET /none HTTP/1.1', '\r\n', 'GET /none - - ')
  await check('GET /body HTTP/1.1', 'Content-Length: 2\r\n\r\nhi', 'GET /body 2 - hi')
  await check('DELETE /body HTTP/1.1', 'Content-Length: 2\r\n\r\nhi', 'DELETE /body 2 - hi')
  await check(
    'PUT /c HTTP/1.1',
    'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    'PUT /c - chunked hi',
  )
  await check(
    'GET /c HTTP/1.1',
    'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
    'GET /c - chunked hi',
  )
  await check('OPTIONS * HTTP/1.1', '\r\n', 'OPTIONS * ')
  await check('PROPFIND /dav HTTP/1.1', 'Content-Length: 2\r\n\r\nhi', 'PROPFIND /dav 2 - hi')
})

t.test('a client of HTTP/1.0 gets an answer that it can read', async (t) => {
  await using rig = await startRig((_, response) => {
    response.write('one,')
    response.end('two')
  })
  const answer = await sendRaw(rig.url, 'GET / HTTP/1.0\r\n\r\n')
  t.notMatch(answer, /transfer-encoding/i)
  t.match(answer, /\r\n\r\none,two$/)
})

t.test('trailers pass both ways, and a gRPC status in them is reported', async (t) => {
  await using rig = await startRig((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { trailer: 'grpc-status', 'content-type': 'application/grpc' })
      response.write('x')
      response.addTrailers([
        ['grpc-status', '13'],
        ['X-Got', request.trailers['x-sum'] ?? 'nothing'],
      ])
      response.end()
    })
  })
  const text =
    'POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n' +
    'Connection: close\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 42\r\n\r\n'
  t.match(await sendRaw(rig.url, text), /0\r\ngrpc-status: 13\r\nX-Got: 42\r\n\r\n$/)
  t.match((await rig.ingest.requestsOnce(1))[0], { status: 200, grpcStatus: 13 })
})

t.test('a client that waits to be told to continue is told', async (t) => {
  await using rig = await startRig((request, response) => {
    void readAll(request).then((body) =>
      response.end(`${request.headers.expect ?? 'no expect'} ${body.toString()}`),
    )
  })
  const outgoing = request(rig.url, {
    method: 'POST',
    headers: { expect: '100-continue', 'content-length': 4 },
  })
  outgoing.flushHeaders()
  await once(outgoing, 'continue')
  outgoing.end('body')
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  t.equal((await readAll(response)).toString(), 'no expect body')
})

t.test('connections are kept on both sides, after chunked uploads too', async (t) => {
  const ports = new Set<number | undefined>()
  await using rig = await startRig((request, response) => {
    ports.add(request.socket.remotePort)
    request.resume().on('end', () => response.end('ok'))
  })
  using agent = keepAliveAgent()
  for (let i = 0; i < 5; i++) await send(rig.url, { agent })
  t.equal(ports.size, 1)
  for (let i = 0; i < 3; i++) {
    const answer = await send(rig.url, { agent, method: 'POST', body: Readable.from([Buffer.from('x')]) })
    t.equal(answer.headers.connection, 'keep-alive')
  }
  t.equal(rig.proxy.stats.openConnections, 1)
})

t.test('an answer that comes before the request is through reaches the client', async (t) => {
  await using rig = await startRig((_, response) => response.writeHead(413).end('too large'))
  const answer = await send(rig.url, { method: 'POST', body: bytes(5 * 1024 * 1024) })
  t.match({ ...answer, body: answer.body.toString() }, { status: 413, body: 'too large' })
  t.match((await rig.ingest.requestsOnce(1))[0], { status: 413, reset: undefined })
})

t.test('heads are bounded', async (t) => {
  await using rig = await startRig((_, response) => response.end('x'.repeat(10)), {
    limits: { headerBytes: 8192 },
  })
  t.equal((await send(rig.url, { headers: { 'x-long': 'x'.repeat(7000) } })).status, 200)
  t.equal((await send(rig.url, { headers: { 'x-long': 'x'.repeat(9000) } })).status, 431)
})

t.test('large heads of answers pass, and are bounded too', async (t) => {
  let length = 30_000
  const server = createServer((_, response) => {
    response.setHeader('x-long', 'x'.repeat(length))
    response.end()
  })
  await using rig = await startRig(server)
  const get = () => send(rig.url, { maxHeaderSize: 200_000 })
  t.equal((await get()).headers['x-long']!.length, 30_000)
  length = 100_000
  t.match(await get(), { status: 502 })
  t.match((await rig.ingest.requestsOnce(2))[1], { status: 502, reason: 'upstream-protocol-error' })
})

t.test('headers are reported where they are named, and only there', async (t) => {
  await using rig = await startRig(
    (_, response) => response.writeHead(200, { 'x-shard': '7', 'set-cookie': 'secret=1' }).end(),
    { headers: ['X-Request-ID', 'x-shard'] },
  )
  await send(rig.url, { headers: { 'X-Request-Id': 'abc', authorization: 'secret' } })
  const [event] = await rig.ingest.requestsOnce(1)
  t.same(event!.requestHeaders, [{ name: 'x-request-id', value: 'abc' }])
  t.same(event!.responseHeaders, [{ name: 'x-shard', value: '7' }])
})

t.test('an upstream that ends its answer by closing is understood', async (t) => {
  const server = rawServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end'))
  })
  await using rig = await startRig(server)
  const answer = await send(rig.url)
  t.equal(answer.body.toString(), 'to the end')
  t.match((await rig.ingest.requestsOnce(1))[0], { status: 200, responseBytes: 10, reset: undefined })
})

function pairsOf(raw: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i < raw.length; i += 2) list.push([raw[i]!, raw[i + 1]!])
  return list.sort((a, b) => (`${a[0]}${a[1]}` < `${b[0]}${b[1]}` ? -1 : 1))
}
