import { readFileSync } from 'node:fs'
import { compressionAlgorithms } from '@grpc/grpc-js'
import t from 'tap'
import { LogError } from '../../../src/log/event-log.ts'
import { sdkServerMessage } from '../../event/otlp-messages.ts'
import { contentOf, embeddedLog, storedRecords } from '../ingest-server.ts'
import { GatedLog, grpcClient, grpcServer, LOGS, TRACES, until } from './grpc-server.ts'

const spans = sdkServerMessage(100, 1)

function fixture(file: string): Buffer {
  return readFileSync(new URL(`../../fixtures/otlp/${file}`, import.meta.url))
}

t.test('an export of traces is answered when the log has its requests', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client, stats } = await grpcServer(t, { log: gated })
  let isAnswered = false
  const answer = client.unary(TRACES, spans).then((ended) => {
    isAnswered = true
    return ended
  })
  await until(() => gated.appends === 1)
  t.equal(isAnswered, false)
  t.equal(stats.inFlightBytes, spans.length)
  gate.resolve()
  t.match(await answer, { code: 0, bytes: Buffer.alloc(0) })
  const records = await storedRecords(gated)
  t.equal(records.flatMap((record) => contentOf(record).events).length, 100)
  t.match(stats, { calls: 1, events: 100, bodyBytes: spans.length, inFlightBytes: 0, problems: {} })
  t.ok(stats.wireBytes > spans.length)
})

t.test('messages may be compressed', async (t) => {
  const { server, stats } = await grpcServer(t)
  for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
    const client = grpcClient(t, server, {
      channel: { 'grpc.default_compression_algorithm': algorithm },
    })
    t.match(await client.unary(TRACES, spans), { code: 0 })
  }
  t.equal(stats.events, 200)
  t.equal(stats.bodyBytes, 2 * spans.length)
})

t.test('logs that are access logs are taken, and the others told as refused', async (t) => {
  const { client, log, stats } = await grpcServer(t)
  t.match(await client.unary(LOGS, fixture('envoy-logs-1.bin')), { code: 0, bytes: Buffer.alloc(0) })
  t.equal((await storedRecords(log)).flatMap((record) => contentOf(record).events).length, 3)
  const other = fixture('envoy-logs-2.bin')
  // duration_ms is what makes it an access log.
  other.write('distance_ms', other.indexOf('duration_ms'))
  const { code, bytes } = await client.unary(LOGS, other)
  t.equal(code, 0)
  // partial_success { rejected_log_records: 1, error_message }
  t.same(bytes?.subarray(3, 5), Buffer.from([0x08, 1]))
  t.match(bytes?.toString(), /only access logs of HTTP are taken/)
  t.match(stats, { events: 3, skippedSpans: 1 })
})

t.test('what is malformed or too large is refused for good, and nothing of it taken', async (t) => {
  const { client, stats, log } = await grpcServer(t, { limits: { bodyBytes: spans.length } })
  t.same(await client.unary(TRACES, Buffer.from('0a0512', 'hex')), {
    code: 3,
    details: 'byte 1: a length of 5 bytes, but only 1 are left',
  })
  t.match(await client.unary(TRACES, Buffer.concat([spans, spans])), {
    code: 8,
    details: /larger than max/,
    retryAfterMs: undefined,
  })
  t.match(await client.unary('/opentelemetry.proto.collector.metrics.v1.MetricsService/Export', spans), {
    code: 12,
  })
  t.equal((await client.unary(TRACES, spans)).code, 0, 'and it goes on afterwards')
  t.match(stats, { events: 100, problems: { BODY_MALFORMED: 1 }, inFlightBytes: 0 })
  t.equal((await storedRecords(log)).flatMap((record) => contentOf(record).events).length, 100)
})

t.test('a bomb is not inflated further than a message may be', async (t) => {
  const { server } = await grpcServer(t, { limits: { bodyBytes: 100_000 } })
  const client = grpcClient(t, server, {
    channel: { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip },
  })
  t.match(await client.unary(TRACES, Buffer.alloc(5_000_000)), { code: 8 })
})

t.test('a second message where there is one is refused, and neither is kept', async (t) => {
  const { client, stats } = await grpcServer(t)
  for (const path of [TRACES, LOGS]) t.match(await client.streamed(path, spans, spans), { code: 12 })
  await until(() => stats.openCalls === 0)
  t.match(stats, { events: 0, inFlightBytes: 0 })
})

t.test('a log that is away makes senders wait, and it goes on when it is back', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const { client, stats } = await grpcServer(t, { log: gated })
  gated.failure = new LogError('LOG_UNAVAILABLE', 'no broker answers')
  t.same(await client.unary(TRACES, spans), {
    code: 14,
    details: 'the log does not take events now; send them again later: no broker answers',
    retryAfterMs: 1000,
  })
  gated.failure = new Error('secret')
  t.same(await client.unary(TRACES, spans), {
    code: 13,
    details: 'the server failed to answer; its log says why',
  })
  gated.failure = undefined
  t.match(await client.unary(TRACES, spans), { code: 0 })
  t.match(stats, {
    events: 100,
    problems: { LOG_UNAVAILABLE: 1, INTERNAL: 1 },
    inFlightBytes: 0,
    openCalls: 0,
  })
})

t.test('a log that is behind makes new messages wait: bytes in flight are bounded', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client, stats } = await grpcServer(t, {
    log: gated,
    limits: { bodyBytes: spans.length, inFlightBytes: 3 * spans.length },
  })
  const held = [1, 2, 3].map(() => client.unary(TRACES, spans))
  await until(() => gated.appends === 3)
  t.same(await client.unary(TRACES, spans), {
    code: 8,
    details: 'too many bytes of events are on their way into the log; send them again in a moment',
    retryAfterMs: 1000,
  })
  gate.resolve()
  t.same(
    (await Promise.all(held)).map(({ code }) => code),
    [0, 0, 0],
  )
  t.match(stats, { inFlightBytes: 0, problems: { OVERLOADED: 1 } })
})

t.test("a sender's deadline ends its call, and its bytes stay counted until the log answers", async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client, stats } = await grpcServer(t, { log: gated })
  const answer = client.unary(TRACES, spans, { deadline: Date.now() + 3000 })
  await until(() => gated.appends === 1)
  t.equal((await answer).code, 4)
  await until(() => stats.openCalls === 0)
  t.equal(stats.inFlightBytes, spans.length)
  gate.resolve()
  await until(() => stats.inFlightBytes === 0)
  t.equal(stats.events, 100)
})

t.test('a long fault is cut, as a header holds it', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const { client } = await grpcServer(t, { log: gated })
  gated.failure = new LogError('LOG_FULL', 'x'.repeat(20_000))
  const { code, details } = await client.unary(TRACES, spans)
  t.equal(code, 14)
  t.ok(details.length < 1100)
})
