import t from 'tap'
import { LogError } from '../../../src/log/event-log.ts'
import { batchOf, contentOf, embeddedLog, requestOf, storedRecords } from '../ingest-server.ts'
import { GatedLog, grpcServer, instantLog, until } from './grpc-server.ts'

const batch = (sequence: number, producer = 'web-1') =>
  batchOf([requestOf('web-1', sequence), requestOf('web-1', sequence + 1)], { producer, sequence })

t.test('batches are acknowledged by their numbers when the log has them', async (t) => {
  const { client, log, stats } = await grpcServer(t)
  const stream = client.events()
  for (let sequence = 1; sequence <= 100; sequence++) stream.call.write(batch(sequence))
  const acknowledged = await stream.acknowledgements(100)
  t.same(
    acknowledged.map(({ sequence }) => sequence).toSorted((a, b) => a - b),
    Array.from({ length: 100 }, (_, i) => i + 1),
  )
  t.ok(acknowledged.every(({ producer, refusal }) => producer === 'web-1' && refusal === undefined))
  stream.call.end()
  t.same(await stream.ended, { code: 0, details: 'OK' })
  const stored = (await storedRecords(log)).map(contentOf)
  t.equal(stored.length, 100)
  t.match(stats, { events: 200, records: 100, inFlightBytes: 0, problems: {} })
})

t.test('nothing is acknowledged before, and a client that has said all is still told', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client } = await grpcServer(t, { log: gated })
  const stream = client.events()
  stream.call.write(batch(1))
  stream.call.end()
  await until(() => gated.appends === 1)
  t.same(stream.acknowledged, [])
  gate.resolve()
  t.same(await stream.ended, { code: 0, details: 'OK' })
  t.same(stream.acknowledged, [{ producer: 'web-1', sequence: 1 }])
})

t.test('a stream has so many batches under way, and is read on when there are fewer', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client, stats } = await grpcServer(t, { log: gated, limits: { streamMessages: 3 } })
  const stream = client.events()
  const size = batch(1).length
  for (let sequence = 1; sequence <= 20; sequence++) stream.call.write(batch(sequence))
  await until(() => gated.appends === 3)
  // Another stream goes on meanwhile: by then this one would have been read, were it not for its limit.
  const other = client.events()
  other.call.write(batch(1, 'other'))
  await until(() => gated.appends === 4)
  t.equal(stats.inFlightBytes, 4 * size)
  gate.resolve()
  await stream.acknowledgements(20)
  await other.acknowledgements(1)
  t.match(stats, { inFlightBytes: 0, waitingMessages: 0 })
})

t.test('a stream has so many bytes under way; a larger batch is alone', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client, stats } = await grpcServer(t, { log: gated, limits: { streamBytes: 10 } })
  const stream = client.events()
  for (let sequence = 1; sequence <= 5; sequence++) stream.call.write(batch(sequence))
  await until(() => gated.appends === 1)
  const other = client.events()
  other.call.write(batch(1, 'other'))
  await until(() => gated.appends === 2)
  t.equal(stats.inFlightBytes, batch(1).length + batch(1, 'other').length)
  gate.resolve()
  await stream.acknowledgements(5)
})

t.test('streams wait for a share of what all may have, and lose nothing', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const size = batch(1).length
  const { client, stats, log } = await grpcServer(t, {
    log: gated,
    limits: { bodyBytes: size, inFlightBytes: 2 * size },
  })
  const streams = Array.from({ length: 5 }, () => client.events())
  for (const [i, { call }] of streams.entries()) for (let n = 1; n <= 4; n++) call.write(batch(n, `web-${i}`))
  await until(() => gated.appends === 2 && stats.waitingMessages === 5)
  t.equal(stats.inFlightBytes, 2 * size)
  // One that goes away waits no longer.
  streams[4]!.call.cancel()
  await streams[4]!.ended
  await until(() => stats.waitingMessages <= 4)
  gate.resolve()
  for (const stream of streams.slice(0, 4)) await stream.acknowledgements(4)
  await until(() => stats.inFlightBytes === 0)
  const producers = (await storedRecords(log)).map((record) => contentOf(record).producer)
  for (let i = 0; i < 4; i++) t.equal(producers.filter((name) => name === `web-${i}`).length, 4)
})

t.test('who does not read acknowledgements is not read either', async (t) => {
  const { client, stats } = await grpcServer(t, { log: instantLog, limits: { streamMessages: 4 } })
  const stream = client.events()
  stream.call.pause()
  let sent = 0
  // As long as its window is open a client's write is taken at once.
  const write = (): void => {
    while (sent < 20_000) if (!stream.call.write(batch(++sent))) break
  }
  stream.call.on('drain', write)
  write()
  await until(() => stats.events > 0)
  let seen = -1
  // It comes to rest: as many acknowledgements as fit the windows of HTTP/2, not all.
  while (stats.events !== seen) {
    seen = stats.events
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  t.ok(seen < 40_000, `${seen} events`)
  t.ok(stats.inFlightBytes <= 5 * batch(20_000).length)
  stream.call.resume()
  await stream.acknowledgements(20_000)
  t.equal(stats.inFlightBytes, 0)
})

t.test('a refused batch is told of by its number, and the stream goes on', async (t) => {
  const { client, stats } = await grpcServer(t, { limits: { recordBytes: 2000 } })
  const stream = client.events()
  const malformed = Buffer.concat([batch(1), Buffer.from([0x3a, 0x05, 0x01])])
  const large = batchOf(
    Array.from({ length: 500 }, (_, i) => requestOf(`pod-${i}`, i)),
    { producer: 'web-1', sequence: 2 },
  )
  stream.call.write(malformed)
  stream.call.write(large)
  stream.call.write(batch(3))
  const acknowledged = await stream.acknowledgements(3)
  t.match(
    acknowledged.toSorted((a, b) => a.sequence - b.sequence),
    [
      { sequence: 1, refusal: { code: 'BODY_MALFORMED', message: /^byte \d+: / } },
      { sequence: 2, refusal: { code: 'RECORD_TOO_LARGE' } },
      { sequence: 3, refusal: undefined },
    ],
  )
  t.match(stats, { events: 2, problems: { BODY_MALFORMED: 1, RECORD_TOO_LARGE: 1 } })
})

t.test('a batch without a number ends the stream, when what was before it is acknowledged', async (t) => {
  for (const unnumbered of [batchOf([requestOf('web-1')]), Buffer.from('nonsense')]) {
    const { client } = await grpcServer(t)
    const stream = client.events()
    stream.call.write(batch(1))
    stream.call.write(unnumbered)
    t.match(await stream.ended, { code: 3, details: /must have a producer and a sequence/ })
    t.same(stream.acknowledged, [{ producer: 'web-1', sequence: 1 }])
  }
})

t.test('a log that is away ends the stream; sent again when it is back, each counts once', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const { client, stats, log } = await grpcServer(t, { log: gated })
  gated.failure = new LogError('LOG_UNAVAILABLE', 'no broker answers')
  const first = client.events()
  for (let n = 1; n <= 10; n++) first.call.write(batch(n))
  t.match(await first.ended, { code: 14, retryAfterMs: 1000, details: /send them again later/ })
  t.same(first.acknowledged, [])
  gated.failure = undefined
  const second = client.events()
  for (let n = 1; n <= 10; n++) second.call.write(batch(n))
  await second.acknowledgements(10)
  t.equal((await storedRecords(log)).length, 10)
  t.match(stats, { events: 20, inFlightBytes: 0 })
})

t.test('a stream that its client cuts leaves nothing behind', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  const gate = Promise.withResolvers<void>()
  gated.gate = gate.promise
  const { client, stats } = await grpcServer(t, { log: gated, limits: { streamMessages: 4 } })
  const stream = client.events()
  for (let n = 1; n <= 20; n++) stream.call.write(batch(n))
  await until(() => gated.appends === 4)
  stream.call.cancel()
  await stream.ended
  await until(() => stats.openCalls === 0)
  gate.resolve()
  await until(() => stats.inFlightBytes === 0)
  t.equal(gated.appends, 4)
})
