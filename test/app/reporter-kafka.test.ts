import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { kafkaSink } from '../../src/app/reporter-kafka.ts'
import { createReporter, type ReporterTrouble } from '../../src/reporter/index.ts'
import { freePort } from '../../stack/free-port.ts'
import { startKafka } from '../../stack/kafka.ts'
import { openKafka } from '../log/kafka/open-kafka.ts'
import { decodeBatch } from '../reporter/capturing-ingest.ts'

t.setTimeout(120_000)

t.test('what is reported while Kafka is away is in one partition later, in order and numbered', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'meshtap-test-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const port = await freePort()
  const brokers = [`127.0.0.1:${port}`]
  const troubles: ReporterTrouble[] = []
  const reporter = await createReporter({
    sink: kafkaSink({ brokers, topic: 'reported' }),
    spool: { directory: join(directory, 'spool') },
    batchEvents: 100,
    maxBackoffMs: 500,
    closeMs: 60_000,
    onTrouble: (trouble) => troubles.push(trouble),
  })
  t.teardown(() => reporter.close())
  const report = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      reporter.report({
        kind: 'request',
        timeMs: 1_700_000_000_000 + i,
        direction: 'inbound',
        destination: { name: 'web' },
        status: 200,
        latencyMicros: i,
      })
    }
  }
  report(0, 1000)
  await reporter.flush()
  t.match(reporter.stats, { sent: 0, spool: { events: 1000 } })
  t.match(troubles, [
    { kind: 'unavailable', message: /topic reported of Kafka at 127\.0\.0\.1:\d+, and will/ },
  ])

  const server = await startKafka({ directory: join(directory, 'kafka'), port, isBrief: true })
  t.teardown(() => server.kill())
  while (reporter.stats.sent < 1000) await new Promise((resolve) => setTimeout(resolve, 20))
  report(1000, 1500)
  await reporter.flush()
  await reporter.close()
  t.match(reporter.stats, { sent: 1500, refused: 0, pending: 0, spool: { events: 0 } })

  const sink = kafkaSink({ brokers, topic: 'reported' })
  const large = { producer: 'other', sequence: 1, events: 1, bytes: new Uint8Array(2_000_000) }
  t.match(await sink.send(large, new AbortController().signal), { kind: 'refused' })
  await sink.close?.()

  const { log } = await openKafka(t, server.brokers)
  const found: { partition: string; key: string | undefined; contentType: string | undefined }[] = []
  const latencies: number[] = []
  const numbers: number[] = []
  for (const partition of await log.partitions('reported')) {
    for await (const { records } of log.readSince(partition, 0)) {
      for (const { key, value, headers } of records) {
        const { producer, sequence, events } = decodeBatch(value)
        t.equal(key, producer)
        found.push({ partition, key, contentType: headers['content-type'] })
        numbers.push(sequence)
        for (const event of events) if (event.kind === 'request') latencies.push(event.latencyMicros)
      }
    }
  }
  t.same(
    latencies,
    Array.from({ length: 1500 }, (_, i) => i),
  )
  t.same(
    numbers,
    Array.from({ length: 15 }, (_, i) => i + 1),
  )
  t.equal(new Set(found.map(({ partition }) => partition)).size, 1)
  t.same(
    new Set(found.map(({ contentType }) => contentType)),
    new Set(['application/x-protobuf; proto=meshtap.v1.EventBatch']),
  )
})

t.test('what is no broker is a mistake', async (t) => {
  t.throws(() => kafkaSink({ brokers: [] }), RangeError)
  t.throws(() => kafkaSink({ brokers: ['http://kafka'] }), RangeError)
})
