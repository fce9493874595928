import t from 'tap'
import { LogError } from '../../../src/log/event-log.ts'
import { alsMessage, httpEntry, STARTED_SECONDS, tcpEntry } from '../../event/als-reference.ts'
import { worker } from '../../aggregator/partition-rig.ts'
import { contentOf, embeddedLog, storedRecords, TOPIC } from '../ingest-server.ts'
import { GatedLog, grpcServer, until } from './grpc-server.ts'

const identifier = {
  node: {
    id: 'web-6f7d-envoy',
    cluster: 'web',
    metadata: { fields: { namespace: { string_value: 'shop' } } },
    extensions: Array.from({ length: 500 }, (_, i) => ({ name: `extension-${i}` })),
  },
  log_name: 'als',
}

const entries = (count: number, path: string) => ({
  log_entry: Array.from({ length: count }, (_, i) => httpEntry({ request: { path: `${path}/${i}` } })),
})

const first = (count = 2) => Buffer.from(alsMessage({ identifier, http_logs: entries(count, '/first') }))
const next = (path: string, count = 2) => Buffer.from(alsMessage({ http_logs: entries(count, path) }))

t.test('entries of all messages are of the node that only the first one names', async (t) => {
  const { client, log, stats } = await grpcServer(t)
  const { call, ended } = client.accessLogs()
  call.write(first())
  call.write(next('/next', 3))
  call.write(Buffer.from(alsMessage({ tcp_logs: { log_entry: [tcpEntry({}, { sent_bytes: 9 })] } })))
  call.end()
  t.match(await ended, { code: 0, bytes: Buffer.alloc(0) })
  const records = await storedRecords(log)
  const events = records.flatMap((record) => contentOf(record).events)
  t.equal(events.length, 6)
  for (const event of events)
    t.match(event, { proxy: 'web-6f7d-envoy', destination: { namespace: 'shop', name: 'web' } })
  t.ok(records.every(({ key }) => key === 'web-6f7d-envoy'))
  t.match(stats, { events: 6, records: 3, problems: {}, inFlightBytes: 0, lostMessages: 0 })
})

t.test('streams do not mix up who sends', async (t) => {
  const { client, log } = await grpcServer(t)
  const streams = ['a', 'b'].map((id) => {
    const { call, ended } = client.accessLogs()
    call.write(Buffer.from(alsMessage({ identifier: { node: { id }, log_name: 'als' } })))
    return { id, call, ended }
  })
  for (let i = 0; i < 5; i++) for (const { id, call } of streams) call.write(next(`/${id}`, 1))
  for (const { call } of streams) call.end()
  await Promise.all(streams.map(({ ended }) => ended))
  const events = (await storedRecords(log)).flatMap((record) => contentOf(record).events)
  t.equal(events.length, 10)
  for (const event of events) t.equal((event as { path?: string }).path, `/${event.proxy}/0`)
})

t.test('a stream that does not say who sends is refused', async (t) => {
  const { client, stats } = await grpcServer(t)
  const { call, ended } = client.accessLogs()
  call.write(next('/next'))
  t.match(await ended, { code: 3, details: /must have an identifier/ })
  t.match(stats, { events: 0, lostMessages: 1 })
})

t.test('a malformed message is counted as lost, and the stream goes on', async (t) => {
  const { client, stats } = await grpcServer(t)
  const { call, ended } = client.accessLogs()
  call.write(first())
  call.write(Buffer.from('120501', 'hex'))
  call.write(Buffer.from(alsMessage({ http_logs: { log_entry: [{}] } })))
  call.write(next('/next'))
  call.end()
  t.match(await ended, { code: 0 })
  t.match(stats, { events: 4, lostMessages: 2, problems: { BODY_MALFORMED: 2 }, inFlightBytes: 0 })
})

t.test('what the log does not take is given to it again until it does, and counts once', async (t) => {
  const log = await embeddedLog(t)
  const gated = new GatedLog(log)
  const { client, stats } = await grpcServer(t, {
    log: gated,
    limits: { streamMessages: 3, retryMs: 1, maxRetryMs: 5 },
  })
  const { call, ended } = client.accessLogs()
  // It has them, and says that it has not: then they are there twice, under the same number.
  const append = gated.append.bind(gated)
  let liesLeft = 3
  gated.append = async (...args) => {
    await append(...args)
    if (liesLeft-- > 0) throw new LogError('LOG_UNAVAILABLE', 'the answer was lost')
  }
  call.write(first(5))
  for (let i = 0; i < 5; i++) call.write(next(`/next-${i}`, 4))
  await until(() => stats.events === 25)
  t.equal(stats.retries, 3)
  gated.failure = new LogError('LOG_UNAVAILABLE', 'no broker answers')
  for (let i = 0; i < 20; i++) call.write(next(`/later-${i}`, 1))
  await until(() => stats.retries > 20)
  t.equal(stats.events, 25, 'nothing comes in')
  t.ok(stats.inFlightBytes < 20 * next('/later-10', 1).length, 'and only so much is read')
  gated.failure = undefined
  call.end()
  t.match(await ended, { code: 0 })
  t.match(stats, { events: 45, lostMessages: 0, inFlightBytes: 0 })
  // How often a record is in the log is seen by whoever folds it: a worker knows them by their numbers.
  const self = worker(STARTED_SECONDS * 1000 + 1000)
  let counted = 0
  let duplicates = 0
  for (const partition of await log.partitions(TOPIC)) {
    const processor = await self.claim(partition)
    for await (const { records, endOffset } of log.readSince(partition, 0))
      processor.process(records, endOffset)
    counted += processor.counters.requests
    duplicates += processor.counters.duplicates
  }
  t.equal(counted, 45)
  t.equal(duplicates, 3)
})

t.test('a server that stops ends streams, and counts what the log had not taken', async (t) => {
  const gated = new GatedLog(await embeddedLog(t))
  gated.failure = new LogError('LOG_UNAVAILABLE', 'no broker answers')
  const { client, server, stats } = await grpcServer(t, { log: gated })
  const { call, ended } = client.accessLogs()
  call.write(first())
  await until(() => stats.retries > 0)
  await server.close()
  t.match(await ended, { code: 14, details: /the server is closing/ })
  t.match(stats, { events: 0, lostMessages: 1, inFlightBytes: 0 })
})
