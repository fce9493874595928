import type { InjectOptions } from 'fastify'
import t from 'tap'
import { type EventLog, LogError, type LogRecord, type StoredRecord } from '../../src/log/event-log.ts'
import { worker } from '../aggregator/partition-rig.ts'
import { random } from '../random.ts'
import {
  batchOf,
  contentOf,
  embeddedLog,
  EVENT_BATCH,
  ingestServer,
  jsonOf,
  requestOf,
  storedRecords,
  TOPIC,
} from './ingest-server.ts'

const numbered = (producer: string, sequence: number | string) => ({
  'meshtap-producer': producer,
  'meshtap-sequence': String(sequence),
})

const post = (events: readonly Record<string, unknown>[], headers: Record<string, string>) =>
  ({
    method: 'POST',
    url: '/v1/events',
    payload: JSON.stringify(events),
    headers: { 'content-type': 'application/json', ...headers },
  }) as const

/** What a record is, but for where it is. */
const identity = ({ key, headers, value }: StoredRecord) =>
  JSON.stringify({ key, headers, value: Buffer.from(value).toString('hex') })

const sorted = (keys: readonly (string | undefined)[]) =>
  keys.map(String).toSorted((a, b) => a.localeCompare(b))

const numberOf = ({ headers }: StoredRecord) =>
  `${headers['meshtap-producer']} ${headers['meshtap-sequence']}`

t.test(
  'a numbered body gives the same records with the same numbers, whatever was sent before',
  async (t) => {
    const { app, log } = await ingestServer(t, { limits: { recordBytes: 800 } })
    const events = Array.from({ length: 600 }, (_, i) => jsonOf(requestOf(`web-${i % 3}`, i)))
    t.equal((await app.inject(post(events, numbered('p', 7)))).statusCode, 200)
    const first = await storedRecords(log)
    t.ok(first.length > 3, 'more than one a proxy')
    t.equal(new Set(first.map(numberOf)).size, first.length, 'each has a number of its own')
    t.ok(first.every(({ headers }) => headers['meshtap-sequence'] === '7'))
    t.same(sorted([...new Set(first.map(({ key }) => key))]), ['web-0', 'web-1', 'web-2'])

    const others = Array.from({ length: 50 }, (_, i) => jsonOf(requestOf(`other-${i}`, i)))
    await app.inject(post(others, {}))
    const before = (await storedRecords(log)).length
    t.equal((await app.inject(post(events, numbered('p', 7)))).statusCode, 200)
    const { app: replica } = await ingestServer(t, { log, limits: { recordBytes: 800 } })
    t.equal((await replica.inject(post(events, numbered('p', 7)))).statusCode, 200)
    const all = await storedRecords(log)
    t.equal(all.length, before + 2 * first.length)
    const counts = new Map<string, number>()
    for (const record of all) counts.set(identity(record), (counts.get(identity(record)) ?? 0) + 1)
    t.ok(first.every((record) => counts.get(identity(record)) === 3))

    await app.inject(post(events, numbered('p', 8)))
    await app.inject(post(events, numbered('q', 7)))
    const numbers = new Set((await storedRecords(log)).map(numberOf))
    t.equal(numbers.size, 3 * first.length + 1, 'another number or producer is another batch')
  },
)

t.test('reporters that have one key, or none, have numbers of their own', async (t) => {
  const { app, log } = await ingestServer(t)
  const web = { namespace: 'n', kind: 'deployment', name: 'web' }
  const event = (destination: object) => ({ time: 1, direction: 'inbound', destination, latencyMicros: 1 })
  const events = [{ ...web, port: 80 }, { ...web, port: 81 }, {}, { port: 1 }].map(event)
  await app.inject(post(events, numbered('p', 1)))
  const records = await storedRecords(log)
  t.same(
    sorted(records.map(({ key }) => key)),
    ['/n/deployment/web', '/n/deployment/web', 'p', 'p'],
    'one without a reporter goes where its producer does, so that it goes there again',
  )
  t.equal(new Set(records.map(numberOf)).size, 4)
})

t.test('a batch that has a number keeps it, and one that has none is given it', async (t) => {
  const { app, log } = await ingestServer(t)
  const send = (payload: Buffer) =>
    app.inject({
      method: 'POST',
      url: '/v1/events',
      payload,
      headers: { 'content-type': EVENT_BATCH, ...numbered('p', 2) },
    })
  const own = batchOf([requestOf('web-1')], { producer: 'own', sequence: 9 })
  await send(own)
  const plain = batchOf([requestOf('web-1')])
  await send(plain)
  const [first, second] = await storedRecords(log).then((records) =>
    records.toSorted((a, b) => Number(a.key === 'web-1') - Number(b.key === 'web-1')),
  )
  t.same(first!.headers, { 'content-type': EVENT_BATCH })
  t.match(contentOf(first!), { producer: 'own', sequence: 9 })
  t.ok(Buffer.from(second!.value).equals(plain), 'as it came')
  t.match(second!.headers, { 'meshtap-producer': /^[\w-]{22}$/, 'meshtap-sequence': '2' })
})

t.test('headers that number nothing are refused, and nothing is taken', async (t) => {
  const { app, log } = await ingestServer(t)
  const body = [jsonOf(requestOf('web-1'))]
  for (const [headers, at, detail] of [
    [{ 'meshtap-producer': 'p' }, 'meshtap-producer', /numbers nothing without meshtap-sequence/],
    [{ 'meshtap-sequence': '1' }, 'meshtap-sequence', /numbers nothing without meshtap-producer/],
    [numbered('p', 0), 'meshtap-sequence', /must be a whole number from 1 to 2\^53 - 1, got "0"/],
    [numbered('p', '1, 2'), 'meshtap-sequence', /got "1, 2"/],
    [numbered('p'.repeat(257), 1), 'meshtap-producer', /must have 1 to 256 bytes, not 257/],
  ] as const) {
    const answer = await app.inject(post(body, headers))
    t.match(answer.json(), { status: 400, code: 'BATCH_NUMBER_INVALID', at, detail })
  }
  const spans = { resourceSpans: [] }
  const otlp = await app.inject({
    method: 'POST',
    url: '/v1/traces',
    payload: JSON.stringify(spans),
    headers: { 'content-type': 'application/json', ...numbered('p', 'x') },
  })
  t.match(otlp.json(), { code: 3, details: [{ fieldViolations: [{ field: 'meshtap-sequence' }] }] })
  t.same(await storedRecords(log), [])
})

/** A log that now and then writes only some of an append's records, and says that it failed; or all, and says so too. */
function forgetful(log: EventLog, chance: () => number): EventLog {
  return {
    append: async (topic: string, records: readonly LogRecord[]) => {
      const luck = chance()
      if (luck < 0.4) return log.append(topic, records)
      await log.append(
        topic,
        records.filter(() => luck > 0.9 || chance() < 0.5),
      )
      throw new LogError('LOG_UNAVAILABLE', 'half of it')
    },
    subscribe: () => Promise.reject(new Error('not used')),
    partitions: (topic) => log.partitions(topic),
    readSince: (partition, since) => log.readSince(partition, since),
    close: () => log.close(),
  }
}

t.test('a sender that repeats what failed is counted exactly, in JSON and in OTLP', async (t) => {
  const chance = random(81)
  const log = await embeddedLog(t)
  const { app } = await ingestServer(t, { log: forgetful(log, chance), limits: { recordBytes: 1000 } })
  let sent = 0
  let tries = 0
  const send = async (request: InjectOptions) => {
    for (;;) {
      tries++
      const { statusCode } = await app.inject(request)
      if (statusCode === 200) return
      t.equal(statusCode, 503)
    }
  }
  for (let sequence = 1; sequence <= 30; sequence++) {
    const events = Array.from({ length: 1 + Math.floor(chance() * 400) }, (_, i) =>
      jsonOf(requestOf(`web-${Math.floor(chance() * 5)}`, i)),
    )
    await send(post(events, numbered('json-sender', sequence)))
    const spans = Array.from({ length: 1 + Math.floor(chance() * 20) }, (_, i) => ({
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: `00f067aa0ba9${String(i).padStart(4, '0')}`,
      kind: 2,
      startTimeUnixNano: '1795600000000000000',
      endTimeUnixNano: '1795600000001000000',
    }))
    const pod = { key: 'k8s.pod.name', value: { stringValue: `pod-${sequence % 3}` } }
    const payload = JSON.stringify({
      resourceSpans: [{ resource: { attributes: [pod] }, scopeSpans: [{ spans }] }],
    })
    const headers = { 'content-type': 'application/json', ...numbered('otlp-sender', sequence) }
    await send({ method: 'POST', url: '/v1/traces', payload, headers })
    sent += events.length + spans.length
  }
  t.ok(tries > 100, `${tries} tries`)
  const self = worker(1_795_600_001_000)
  let counted = 0
  let duplicates = 0
  for (const partition of await log.partitions(TOPIC)) {
    const processor = await self.claim(partition)
    for await (const { records, endOffset } of log.readSince(partition, 0))
      processor.process(records, endOffset)
    counted += processor.counters.requests
    duplicates += processor.counters.duplicates
  }
  t.equal(counted, sent)
  t.ok(duplicates > 50, `${duplicates} records came again`)
})
