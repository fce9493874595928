import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { HttpProblem } from '../../src/http/problem.ts'
import { discardRest, readBody } from '../../src/ingest/body-reader.ts'
import { ByteBudget, type ByteLease } from '../../src/ingest/byte-budget.ts'

const LIMIT = 100_000

async function outcomeOf(request: IncomingMessage, lease: ByteLease): Promise<string> {
  try {
    const { bytes, wireBytes } = await readBody(request, { bodyBytes: LIMIT }, lease)
    return `read ${bytes.length} of ${wireBytes}`
  } catch (error) {
    discardRest(request, LIMIT)
    if (error instanceof HttpProblem) return `${error.status} ${error.code}: ${error.message}`
    throw error
  } finally {
    lease.release()
  }
}

/** A server that answers with what became of a body: its text, or the problem's status and words. */
async function reading(t: Test, budget = new ByteBudget(10 * LIMIT)) {
  const outcomes: string[] = []
  let settled = Promise.withResolvers<void>()
  const server = createServer((request, response) => {
    const lease = budget.lease()
    void outcomeOf(request, lease).then((outcome) => {
      outcomes.push(outcome)
      response.end(outcome)
      settled.resolve()
      settled = Promise.withResolvers()
      return outcome
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const post = async (
    body: Uint8Array<ArrayBuffer> | ReadableStream,
    headers: Record<string, string> = {},
  ) => {
    const answer = await fetch(`http://127.0.0.1:${port}`, {
      method: 'POST',
      body,
      headers,
      duplex: 'half',
    })
    return answer.text()
  }
  return { port, budget, post, outcomes, settled: () => settled.promise }
}

const text = new Uint8Array(Buffer.from('a request event, '.repeat(100)))
const bytes = (buffer: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(buffer)

t.test('bodies are read as sent and inflated', async (t) => {
  const { post, budget } = await reading(t)
  for (const [encoding, body] of [
    ['identity', text],
    ['gzip', bytes(gzipSync(text))],
    ['x-gzip', bytes(gzipSync(text))],
    ['GZIP', bytes(gzipSync(text))],
    ['deflate', bytes(deflateSync(text))],
    ['br', bytes(brotliCompressSync(text))],
    ['zstd', bytes(zstdCompressSync(text))],
  ] as const) {
    t.equal(await post(body, { 'content-encoding': encoding }), `read 1700 of ${body.length}`, encoding)
  }
  t.equal(await post(new Uint8Array(0)), 'read 0 of 0')
  t.equal(await post(new Uint8Array(LIMIT)), `read ${LIMIT} of ${LIMIT}`, 'exactly the limit')
  t.equal(await post(new Blob([text]).stream()), 'read 1700 of 1700', 'chunked')
  t.equal(budget.used, 0)
})

t.test('bodies that are too large are refused, whichever way they hide it', async (t) => {
  const { post, budget } = await reading(t)
  const refusal = `413 BODY_TOO_LARGE: the body is larger than ${LIMIT} bytes, compressed or inflated; send fewer events at once`
  const bomb = new Uint8Array(50_000_000)
  for (const [name, body, encoding] of [
    ['declared', new Uint8Array(LIMIT + 1), 'identity'],
    ['chunked', new Blob([new Uint8Array(LIMIT + 1)]).stream(), 'identity'],
    ['gzip bomb', bytes(gzipSync(bomb)), 'gzip'],
    ['brotli bomb', bytes(brotliCompressSync(bomb)), 'br'],
    ['zstd bomb', bytes(zstdCompressSync(bomb)), 'zstd'],
    // Nothing comes out of empty members, however many go in.
    [
      'endless nothing',
      new Blob([Buffer.concat(Array.from({ length: 6000 }, () => gzipSync('')))]).stream(),
      'gzip',
    ],
  ] as const) {
    t.equal(await post(body, { 'content-encoding': encoding }), refusal, name)
    t.equal(budget.used, 0, name)
  }
})

t.test('what is no valid encoding is refused', async (t) => {
  const { post } = await reading(t)
  const gzip = bytes(gzipSync(text))
  for (const [body, encoding, want] of [
    [text, 'gzip', '400 BODY_MALFORMED: the body is not valid gzip: incorrect header check'],
    [gzip.subarray(0, 20), 'gzip', '400 BODY_MALFORMED: the body is not valid gzip: unexpected end of file'],
    [
      text,
      'compress',
      '415 UNSUPPORTED_ENCODING: bodies of content-encoding "compress" are not read; send one of gzip, deflate, br, zstd, or none',
    ],
    [
      gzip,
      'gzip, gzip',
      '415 UNSUPPORTED_ENCODING: bodies of content-encoding "gzip, gzip" are not read; send one of gzip, deflate, br, zstd, or none',
    ],
    [
      text,
      'constructor',
      '415 UNSUPPORTED_ENCODING: bodies of content-encoding "constructor" are not read; send one of gzip, deflate, br, zstd, or none',
    ],
  ] as const) {
    t.equal(await post(body, { 'content-encoding': encoding }), want)
  }
})

t.test('the budget bounds what is declared, what comes, and what it inflates to', async (t) => {
  const budget = new ByteBudget(LIMIT)
  const other = budget.lease()
  t.ok(other.growTo(LIMIT - 1000))
  const { post } = await reading(t, budget)
  const refusal = /^429 OVERLOADED/
  t.match(await post(text), refusal, 'declared')
  t.match(await post(new Blob([text]).stream()), refusal, 'chunked')
  t.match(await post(bytes(gzipSync(text)), { 'content-encoding': 'gzip' }), refusal, 'inflated')
  t.equal(await post(text.subarray(0, 1000)), 'read 1000 of 1000')
  other.release()
  t.equal(await post(text), 'read 1700 of 1700')
  t.equal(budget.used, 0)
})

t.test('a client that goes away in the middle gives its share back', async (t) => {
  const { port, budget, outcomes, settled } = await reading(t)
  for (const head of [
    'content-length: 5000',
    'transfer-encoding: chunked',
    'content-length: 5000\r\ncontent-encoding: gzip',
  ]) {
    const socket = connect(port, '127.0.0.1')
    const done = settled()
    socket.write(`POST / HTTP/1.1\r\nhost: localhost\r\n${head}\r\n\r\n`)
    await once(socket, 'ready')
    socket.resetAndDestroy()
    await done
    t.match(outcomes.at(-1), /^400 BODY_ABORTED/, head)
    t.equal(budget.used, 0, head)
  }
})

t.test('a connection outlives a refusal that came before the body, unless too much follows', async (t) => {
  const { port } = await reading(t)
  const next = 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'
  for (const [size, answers] of [
    [LIMIT, 2],
    [100 * LIMIT, 1],
  ] as const) {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.on('close', resolve))
    socket.write('POST / HTTP/1.1\r\nhost: localhost\r\ncontent-encoding: compress\r\n')
    socket.write(`content-length: ${size}\r\n\r\n`)
    socket.write(Buffer.alloc(size))
    socket.write(next)
    await closed
    t.ok(received.split('HTTP/1.1 200').length - 1 <= answers, `${size} bytes`)
    if (size === LIMIT) t.match(received, /415 UNSUPPORTED_ENCODING[^]*read 0 of 0/)
  }
})
