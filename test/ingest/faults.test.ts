import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { type EventLog, LogError, type LogErrorCode } from '../../src/log/event-log.ts'
import { listening } from '../http/listening.ts'
import {
  batchOf,
  embeddedLog,
  EVENT_BATCH,
  ingestServer,
  requestOf,
  storedRecords,
  TOPIC,
} from './ingest-server.ts'

/** A log whose appends do what a test says: what a real one does only when it is in trouble. */
function logThat(append: EventLog['append']): EventLog {
  return {
    append,
    subscribe: () => Promise.reject(new Error('not used')),
    partitions: () => Promise.resolve([]),
    async *readSince() {},
    close: () => Promise.resolve(),
  }
}

const batch = batchOf([requestOf('web-1')])
const request = {
  method: 'POST',
  url: '/v1/events',
  payload: batch,
  headers: { 'content-type': EVENT_BATCH },
} as const

t.test('a log that does not take events makes the sender wait, or send less', async (t) => {
  for (const [code, status, retryAfter, detail] of [
    ['LOG_UNAVAILABLE', 503, '1', 'the log does not take events now; send them again later: why'],
    ['LOG_CLOSED', 503, '1', 'the log does not take events now; send them again later: why'],
    ['LOG_FULL', 503, '30', 'the log does not take events now; send them again later: why'],
    ['LOG_CORRUPT', 503, '30', 'the log does not take events now; send them again later: why'],
    ['LOG_RECORD_TOO_LARGE', 413, undefined, 'the log takes no record that large: why'],
  ] as const satisfies readonly (readonly [LogErrorCode, ...unknown[]])[]) {
    const { app } = await ingestServer(t, { log: logThat(() => Promise.reject(new LogError(code, 'why'))) })
    const answer = await app.inject(request)
    t.equal(answer.statusCode, status, code)
    t.equal(answer.headers['retry-after'], retryAfter, code)
    t.match(answer.json(), { status, code, detail }, code)
    t.match(app.stats, { events: 0, records: 0, problems: { [code]: 1 }, inFlightBytes: 0 }, code)
  }
})

t.test('what nobody foresaw is a 500 that keeps its inside to itself', async (t) => {
  const { app } = await ingestServer(t, { log: logThat(() => Promise.reject(new Error('secret'))) })
  const answer = await app.inject(request)
  t.match(answer.json(), { status: 500, code: 'INTERNAL' })
  t.notMatch(answer.body, /secret/)
})

t.test('success is answered only after the log has the events', async (t) => {
  const log = await embeddedLog(t)
  const gate = Promise.withResolvers<void>()
  const called = Promise.withResolvers<void>()
  const { app } = await ingestServer(t, {
    log: logThat(async (topic, records) => {
      called.resolve()
      await gate.promise
      await log.append(topic, records)
    }),
  })
  let answered = false
  const answer = app.inject(request).then((response) => {
    answered = true
    return response
  })
  await called.promise
  await new Promise(setImmediate)
  t.equal(answered, false)
  t.equal(app.stats.events, 0)
  gate.resolve()
  t.equal((await answer).statusCode, 200)
  t.equal((await storedRecords(log)).length, 1)
})

t.test('a log that is behind makes new bodies wait: bytes in flight are bounded', async (t) => {
  const gate = Promise.withResolvers<void>()
  const appends: string[] = []
  const { app } = await ingestServer(t, {
    log: logThat((topic) => {
      appends.push(topic)
      return gate.promise
    }),
    limits: { bodyBytes: batch.length, inFlightBytes: 3 * batch.length },
  })
  const held = [1, 2, 3].map(() => app.inject(request))
  while (appends.length < 3) await new Promise(setImmediate)
  t.equal(app.stats.inFlightBytes, 3 * batch.length)
  const refused = await app.inject(request)
  t.equal(refused.statusCode, 429)
  t.equal(refused.headers['retry-after'], '1')
  t.match(refused.json(), {
    code: 'OVERLOADED',
    detail: 'too many bytes of events are on their way into the log; send them again in a moment',
  })
  t.same(appends, [TOPIC, TOPIC, TOPIC])
  gate.resolve()
  t.same(
    (await Promise.all(held)).map(({ statusCode }) => statusCode),
    [200, 200, 200],
  )
  t.equal(app.stats.inFlightBytes, 0)
  t.equal((await app.inject(request)).statusCode, 200, 'and it goes on afterwards')
})

t.test('an append that hangs is answered with 503, and its bytes stay counted', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { app } = await ingestServer(t, {
    log: logThat(() => gate.promise),
    limits: { handlerTimeoutMs: 30 },
  })
  const answer = await app.inject(request)
  t.match(answer.json(), { status: 503, code: 'TIMEOUT' })
  t.equal(answer.headers['retry-after'], '1')
  t.equal(app.stats.inFlightBytes, batch.length)
  gate.resolve()
  while (app.stats.inFlightBytes > 0) await new Promise(setImmediate)
  t.equal(app.stats.events, 1)
})

t.test('over real sockets: bombs, chunks, and clients that go away', async (t) => {
  const { app, log } = await ingestServer(t, { limits: { bodyBytes: 100_000 } })
  const port = await listening(app)
  const url = `http://127.0.0.1:${port}/v1/events`
  const send = (body: Uint8Array<ArrayBuffer> | ReadableStream, headers = {}): Promise<Response> =>
    fetch(url, { method: 'POST', body, duplex: 'half', headers: { 'content-type': EVENT_BATCH, ...headers } })

  const gzip = new Uint8Array(gzipSync(batch))
  t.equal((await send(gzip, { 'content-encoding': 'gzip' })).status, 200)
  t.equal((await send(new Blob([new Uint8Array(batch)]).stream())).status, 200)

  const bomb = new Uint8Array(gzipSync(Buffer.alloc(200_000_000)))
  t.ok(bomb.length > 100_000 && bomb.length < 300_000)
  const small = new Uint8Array(gzipSync(Buffer.alloc(50_000_000)))
  t.ok(small.length < 100_000)
  for (const body of [bomb, small]) {
    const answer = await send(body, { 'content-encoding': 'gzip' })
    t.match(await answer.json(), { status: 413, code: 'BODY_TOO_LARGE' })
  }

  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${EVENT_BATCH}\r\ncontent-length: 50000\r\n\r\nabc`,
  )
  while (app.stats.inFlightBytes === 0) await new Promise(setImmediate)
  socket.resetAndDestroy()
  while (app.stats.problems['BODY_ABORTED'] === undefined) await new Promise(setImmediate)
  t.equal(app.stats.inFlightBytes, 0)
  t.equal((await storedRecords(log)).length, 2)
})

t.test('a body that never ends arriving is given up', async (t) => {
  const { app } = await ingestServer(t, { limits: { requestTimeoutMs: 200 } })
  const port = await listening(app)
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString()))
  socket.write('POST /v1/events HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n')
  socket.write('content-length: 10\r\n\r\n[')
  await once(socket, 'close')
  t.match(answer, /^HTTP\/1\.1 408 [^]*REQUEST_TIMEOUT/)
  while (app.stats.problems['BODY_ABORTED'] === undefined) await new Promise(setImmediate)
  t.equal(app.stats.inFlightBytes, 0)
})

t.test('limits that contradict each other are a mistake of the caller', async (t) => {
  await t.rejects(ingestServer(t, { limits: { bodyBytes: 1000, inFlightBytes: 999 } }), {
    name: 'RangeError',
    message:
      'inFlightBytes (999) is less than bodyBytes (1000): a body of the largest size could never be taken',
  })
})
