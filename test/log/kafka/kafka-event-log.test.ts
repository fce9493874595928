import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import kafkajs from 'kafkajs'
import t from 'tap'
import {
  type EventLog,
  LogError,
  type LogRecord,
  type PartitionId,
  partitionId,
  type StoredRecord,
} from '../../../src/log/event-log.ts'
import { RecordingHandler } from '../../contracts/recording-handler.ts'
import { kafkaForTest } from '../../services.ts'
import { FencedStore, FencedWorker } from './fenced-worker.ts'
import { readByLibrdkafka, writeByLibrdkafka } from './librdkafka.ts'
import { openKafka, uniqueName } from './open-kafka.ts'
import { until } from './until.ts'

t.setTimeout(120_000)

const { brokers } = await kafkaForTest(t)
const kafka = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING })
const admin = kafka.admin()
await admin.connect()
t.teardown(() => admin.disconnect())

function topicsOf(partitions: number) {
  return { partitions, replicas: 1, retentionMs: 86_400_000 }
}

function text(value: string, key?: string): LogRecord {
  return { ...(key === undefined ? {} : { key }), value: Buffer.from(value), headers: {} }
}

function valueOf({ value }: LogRecord): string {
  return Buffer.from(value).toString()
}

async function readAll(log: EventLog, partition: PartitionId): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  for await (const batch of log.readSince(partition, 0)) records.push(...batch.records)
  return records
}

async function readTopic(log: EventLog, topic: string): Promise<StoredRecord[]> {
  return (await Promise.all((await log.partitions(topic)).map((id) => readAll(log, id)))).flat()
}

async function makeTopic(
  topic: string,
  config: Readonly<Record<string, string>>,
  partitions = 1,
): Promise<void> {
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }] })
}

t.test(
  'what librdkafka writes in any codec is read, with its key, its headers and without what it lacks',
  async (t) => {
    const { log } = await openKafka(t, brokers)
    const topic = uniqueName('codecs')
    await makeTopic(topic, {})
    const before = Date.now()
    const written = Array.from({ length: 50 }, (_, i) => ({
      key: `proxy-${i}`,
      value: `{"number":${i}}`,
      headers: [['Content-Type', 'application/json'] as const],
    }))
    for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      await writeByLibrdkafka(brokers, topic, codec, written)
    }
    await writeByLibrdkafka(brokers, topic, 'none', [{ value: 'bare' }])
    const records = await readAll(log, partitionId(topic, 0))
    t.equal(records.length, 5 * 50 + 1)
    const bare = records.pop()!
    t.same(valueOf(bare), 'bare')
    t.same(bare.headers, {}, 'no content type is made up')
    t.notOk('key' in bare)
    for (const [i, record] of records.entries()) {
      t.equal(record.key, `proxy-${i % 50}`)
      t.equal(valueOf(record), `{"number":${i % 50}}`)
      t.same(record.headers, { 'content-type': 'application/json' }, 'names are in lower case')
      t.equal(record.offset, i)
      t.ok(record.timestampMs >= before - 1 && record.timestampMs <= Date.now())
    }
  },
)

t.test('librdkafka reads what is written in any codec', async (t) => {
  for (const compression of ['none', 'gzip', 'lz4', 'zstd'] as const) {
    const { log } = await openKafka(t, brokers, { compression, topics: topicsOf(1), lingerMs: 5 })
    const topic = uniqueName('written')
    const values = Array.from({ length: 500 }, (_, i) => `${compression} ${i} ${'x'.repeat(i)}`)
    await Promise.all(
      values.map((value) =>
        log.append(topic, [
          { key: 'zürich', value: Buffer.from(value), headers: { 'content-type': 'text/plain', 'x-ü': 'ß' } },
        ]),
      ),
    )
    t.same(
      await readByLibrdkafka(brokers, topic),
      values.map((value) => ({
        key: 'zürich',
        value,
        headers: [
          ['content-type', 'text/plain'],
          ['x-ü', 'ß'],
        ],
      })),
      compression,
    )
    t.ok(log.stats.requests < 100, `${log.stats.requests} requests for 500 appends`)
  }
})

t.test('a topic is made as it was told', async (t) => {
  const { log } = await openKafka(t, brokers, {
    topics: { partitions: 5, replicas: 1, retentionMs: 7_200_000 },
    maxRecordBytes: 3_000_000,
  })
  const topic = uniqueName('made')
  await log.append(topic, [text('a')])
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }],
  })
  const config = new Map(
    resources[0]!.configEntries.map(({ configName, configValue }) => [configName, configValue]),
  )
  t.equal((await log.partitions(topic)).length, 5)
  t.equal(config.get('retention.ms'), '7200000')
  t.equal(config.get('cleanup.policy'), 'delete')
  t.equal(config.get('message.timestamp.type'), 'LogAppendTime')
  t.ok(Number(config.get('max.message.bytes')) > 3_000_000)
})

t.test('a topic that would lose or refuse records is not used, and the error says why', async (t) => {
  const { log, troubles } = await openKafka(t, brokers)
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ 'cleanup.policy': 'compact' }, /cleanup\.policy=compact.*set it to delete/],
    [{ 'cleanup.policy': 'compact,delete' }, /cleanup\.policy=compact,delete/],
    [{ 'max.message.bytes': '500000' }, /max\.message\.bytes=500000, less than the 1016384/],
  ]
  for (const [config, expected] of cases) {
    const topic = uniqueName('misconfigured')
    await makeTopic(topic, config)
    for (const call of [
      () => log.append(topic, [text('a')]),
      () => log.subscribe(topic, new RecordingHandler()),
    ]) {
      const error = await call().then(
        () => undefined,
        (error: unknown) => error,
      )
      t.ok(error instanceof LogError)
      t.match(error, { code: 'LOG_MISCONFIGURED', message: expected })
    }
    t.equal((await readTopic(log, topic)).length, 0)
  }
  t.same(troubles, [])
  const short = uniqueName('short')
  await makeTopic(short, {
    'retention.ms': '60000',
    'retention.bytes': '1000000',
    'unclean.leader.election.enable': 'true',
  })
  await log.append(short, [text('a')])
  t.match(troubles, [
    { kind: 'topic', message: /retention\.ms=60000, less than the 86400000/ },
    {
      kind: 'topic',
      message: /retention\.bytes=1000000 a partition, which may be less than the 86400000 ms/,
    },
    { kind: 'topic', message: /unclean\.leader\.election\.enable=true.*may lose records/ },
  ])
})

t.test('more replicas than brokers, or a bad name, is an error that says so', async (t) => {
  const { log } = await openKafka(t, brokers, { topics: { partitions: 1, replicas: 3, retentionMs: 1e9 } })
  await t.rejects(log.append(uniqueName('replicas'), [text('a')]), {
    code: 'LOG_UNAVAILABLE',
    message: /1 partitions of 3 replicas.*[Rr]eplication/,
  })
  await t.rejects(log.append('no good', [text('a')]), { name: 'RangeError', message: /"no good"/ })
})

t.test('large records go through, also where small ones keep coming to other partitions', async (t) => {
  const { log } = await openKafka(t, brokers, {
    maxRecordBytes: 2_500_000,
    topics: topicsOf(3),
    compression: 'none',
  })
  const topic = uniqueName('large')
  const large = (key: string) => ({ key, value: Buffer.alloc(2_000_000, key), headers: {} })
  const handler = new RecordingHandler()
  const subscription = await log.subscribe(topic, handler)
  for (let i = 0; i < 4; i++) {
    await Promise.all([
      log.append(topic, [large(`large-${i}`)]),
      ...Array.from({ length: 20 }, (_, j) => log.append(topic, [text('small', `small-${j}`)])),
    ])
  }
  const sizes = () => handler.batches.flatMap(({ records }) => records.map(({ value }) => value.length))
  await until('all are read', () => sizes().length === 84)
  t.equal(sizes().filter((size) => size === 2_000_000).length, 4)
  await t.rejects(log.append(topic, [{ value: new Uint8Array(2_500_001), headers: {} }]), {
    code: 'LOG_RECORD_TOO_LARGE',
    message: /record 0 has 2500001 bytes/,
  })
  await subscription.close()
})

t.test('a record that a topic takes no longer is refused, and those that fit are not', async (t) => {
  const { log } = await openKafka(t, brokers, { topics: topicsOf(1), compression: 'none', lingerMs: 20 })
  const topic = uniqueName('shrunk')
  await log.append(topic, [text('a')])
  await admin.alterConfigs({
    validateOnly: false,
    resources: [
      {
        type: kafkajs.ConfigResourceTypes.TOPIC,
        name: topic,
        configEntries: [{ name: 'max.message.bytes', value: '100000' }],
      },
    ],
  })
  const many = Array.from({ length: 40 }, (_, i) => text(`${i}`.padEnd(10_000)))
  const [fitting, tooLong, after] = await Promise.allSettled([
    log.append(topic, many),
    log.append(topic, [text('x'.repeat(200_000))]),
    log.append(topic, [text('z')]),
  ])
  t.equal(fitting.status, 'fulfilled')
  t.match(tooLong, { status: 'rejected', reason: { code: 'LOG_RECORD_TOO_LARGE' } })
  t.equal(after.status, 'fulfilled')
  const found = (await readTopic(log, topic)).map((record) => valueOf(record).trimEnd())
  t.same(found, ['a', ...many.map((record) => valueOf(record).trimEnd()), 'z'])
})

t.test(
  'of transactions only what was committed is read, and their marks leave no reader behind',
  async (t) => {
    const { log } = await openKafka(t, brokers, { topics: topicsOf(1) })
    const topic = uniqueName('transactions')
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    const producer = kafka.producer({
      transactionalId: uniqueName('tx'),
      idempotent: true,
      maxInFlightRequests: 1,
    })
    await producer.connect()
    t.teardown(() => producer.disconnect())
    for (const [value, end] of [
      ['a', 'commit'],
      ['b', 'abort'],
      ['c', 'commit'],
      ['d', 'abort'],
    ] as const) {
      const transaction = await producer.transaction()
      await transaction.send({ topic, messages: [{ value }] })
      await transaction[end]()
    }
    await until('both are read', () => handler.recordsOf(`${topic}-0`).length === 2)
    t.same(handler.recordsOf(`${topic}-0`).map(valueOf), ['a', 'c'])
    t.same((await readTopic(log, topic)).map(valueOf), ['a', 'c'])
    await log.append(topic, [text('e')])
    await until('what comes after is read', () => handler.recordsOf(`${topic}-0`).length === 3)
    const last = handler.batches.at(-1)!
    t.equal(last.endOffset, last.records.at(-1)!.offset + 1, 'caught up')
    await subscription.close()
  },
)

t.test('members share partitions, and one that comes and goes loses and doubles nothing', async (t) => {
  const topic = uniqueName('shared')
  const group = uniqueName('group')
  const store = new FencedStore()
  const calls: string[] = []
  const topics = topicsOf(6)
  const join = async (name: string) => {
    const { log } = await openKafka(t, brokers, { group, topics })
    const worker = new FencedWorker(name, store, calls)
    return { worker, subscription: await log.subscribe(topic, worker) }
  }
  const { log } = await openKafka(t, brokers, { topics, lingerMs: 2 })
  const appended: string[] = []
  const appends = new AbortController()
  const appending = (async () => {
    while (!appends.signal.aborted) {
      const values = Array.from({ length: 20 }, (_, i) => `${appended.length + i}`)
      await log.append(
        topic,
        values.map((value) => text(value, `key-${Number(value) % 20}`)),
      )
      appended.push(...values)
    }
  })()
  const shared = (...workers: FencedWorker[]) => {
    const sizes = workers.map(({ owned }) => owned.size)
    return sizes.reduce((a, b) => a + b) === 6 && Math.max(...sizes) - Math.min(...sizes) <= 1
  }
  const a = await join('a')
  await until('a has all', () => shared(a.worker))
  const b = await join('b')
  await until('a and b share', () => shared(a.worker, b.worker))
  const before = calls.length
  const keptBefore = [...a.worker.owned.keys(), ...b.worker.owned.keys()].length
  const c = await join('c')
  await until('three share', () => shared(a.worker, b.worker, c.worker))
  t.equal(keptBefore, 6)
  const moves = calls.slice(before)
  t.same(
    ['assigned', 'revoked'].map((kind) => moves.filter((call) => call.includes(kind)).length),
    [2, 2],
    'two move',
  )
  for (const id of c.worker.owned.keys()) {
    const given = moves.findIndex((call) => call.endsWith(`revoked ${id}`))
    const taken = moves.findIndex((call) => call === `c assigned ${id}`)
    t.ok(given >= 0 && given < taken, 'given back before it is read elsewhere')
  }
  const mark = appended.length
  await until('three have read on', () => store.values.length > mark + 500)
  await c.subscription.close()
  await until('two share again', () => shared(a.worker, b.worker))
  await a.subscription.close()
  await until('b has all', () => shared(b.worker))
  appends.abort()
  await appending
  await until('all is read', () => store.values.length >= appended.length)
  t.same(store.values.sort(), appended.sort(), 'each once')
  t.equal(store.refused, 0, 'no two owners at any time')
  await b.subscription.close()
  await until('the group knows how far it was read', async () => {
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    return offsets!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0) === appended.length
  })
})

t.test('new partitions are read without a restart', async (t) => {
  const { log } = await openKafka(t, brokers, { topics: topicsOf(1) })
  const topic = uniqueName('grown')
  const handler = new RecordingHandler()
  const subscription = await log.subscribe(topic, handler)
  await handler.until(() => handler.calls.includes(`assigned ${topic}-0`))
  await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
  await until('they are assigned', () =>
    [1, 2].every((i) => handler.calls.includes(`assigned ${topic}-${i}`)),
  )
  t.same((await log.partitions(topic)).length, 3)
  await until('appends go there', async () => {
    await log.append(
      topic,
      Array.from({ length: 20 }, (_, i) => text(`${i}`, `key-${i}`)),
    )
    return [0, 1, 2].every((i) => handler.recordsOf(partitionId(topic, i)).length > 0)
  })
  t.equal(handler.calls.filter((call) => call === `assigned ${topic}-0`).length, 1, 'what was read stays')
  await subscription.close()
})

t.test('a topic that was deleted is made anew by the next append, and read from its beginning', async (t) => {
  const { log, troubles } = await openKafka(t, brokers, { topics: topicsOf(1) })
  const topic = uniqueName('deleted')
  await log.append(topic, [text('a')])
  const handler = new RecordingHandler()
  const subscription = await log.subscribe(topic, handler)
  await handler.until(() => handler.batches.length === 1)
  await admin.deleteTopics({ topics: [topic] })
  await until('its partition is given back', () => handler.calls.includes(`revoked ${topic}-0`))
  await until('an append goes through', () =>
    log.append(topic, [text('b')]).then(
      () => true,
      () => false,
    ),
  )
  await until('it is read', () => handler.recordsOf(`${topic}-0`).map(valueOf).includes('b'))
  t.equal(handler.calls.filter((call) => call === `assigned ${topic}-0`).length, 2)
  t.equal(handler.batches.at(-1)!.records[0]!.offset, 0)
  await subscription.close()
  t.same(
    troubles.filter(({ kind }) => kind === 'group'),
    [],
  )
})

t.test('a member that was stopped for longer than its session is given its partitions anew', async (t) => {
  const topic = uniqueName('stopped')
  const group = uniqueName('group')
  const { log, troubles } = await openKafka(t, brokers, { group, topics: topicsOf(2) })
  await log.append(topic, [text('0')])
  const program = new URL('consuming-process.ts', import.meta.url).pathname
  const child = spawn(process.execPath, [program, brokers, group, topic], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const told: string[] = []
  createInterface(child.stdout).on('line', (line) => told.push(line))
  const has = (...lines: string[]) => lines.every((line) => told.includes(line))
  await until('it reads', () => has(`assigned ${topic}-0`, `assigned ${topic}-1`, 'read 0'))
  child.kill('SIGSTOP')
  const before = told.length
  const handler = new RecordingHandler()
  const subscription = await log.subscribe(topic, handler)
  await until('another has all', () => [0, 1].every((i) => handler.calls.includes(`assigned ${topic}-${i}`)))
  await log.append(topic, [text('1', 'key')])
  await until('another reads', () =>
    handler.batches.flatMap(({ records }) => records.map(valueOf)).includes('1'),
  )
  child.kill('SIGCONT')
  await until('it shares again', () => told.slice(before).some((line) => line.startsWith('assigned')))
  const after = told.slice(before)
  const assigned = after.filter((line) => line.startsWith('assigned'))
  t.equal(assigned.length, 1, 'one of the two')
  t.same(after.filter((line) => line.startsWith('revoked')).length, 2, 'it gave back what it had')
  t.ok(after.findIndex((line) => line.startsWith('revoked')) < after.indexOf(assigned[0]!))
  const own = Number(assigned[0]!.at(-1))
  await until('it reads on', async () => {
    await log.append(
      topic,
      Array.from({ length: 10 }, (_, i) => text(`later ${i}`, `key-${i}`)),
    )
    return told.slice(before).some((line) => line.startsWith('read later'))
  })
  t.ok(handler.calls.includes(`revoked ${topic}-${own}`))
  await subscription.close()
  t.same(troubles, [])
})

t.test('a handler that does not give back in time does not hold up closing', async (t) => {
  const { log, troubles } = await openKafka(t, brokers, { topics: topicsOf(1) })
  const topic = uniqueName('stuck')
  await log.append(topic, [text('a')])
  const handler = new RecordingHandler()
  const gate = Promise.withResolvers<number>()
  handler.next = () => gate.promise
  await log.subscribe(topic, handler)
  await handler.until(() => handler.batches.length === 1)
  const beforeMs = performance.now()
  await log.close()
  t.ok(performance.now() - beforeMs < 5_500, 'about five seconds')
  t.match(troubles, [{ kind: 'handler', message: /has not given back/ }])
  gate.resolve(1)
})
