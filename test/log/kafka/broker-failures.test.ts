import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../../../stack/free-port.ts'
import { type KafkaServer, startKafka } from '../../../stack/kafka.ts'
import { LogError, type LogRecord, partitionId } from '../../../src/log/event-log.ts'
import { Brokers } from '../../../src/log/kafka/brokers.ts'
import { type FetchedPartition, fetchRequest } from '../../../src/log/kafka/fetch-request.ts'
import { type ProduceAnswer, produceRequest } from '../../../src/log/kafka/produce-request.ts'
import { encodeBatch, encodeRecord } from '../../../src/log/kafka/record-encoder.ts'
import { RecordingHandler } from '../../contracts/recording-handler.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { FencedStore, FencedWorker } from './fenced-worker.ts'
import { openKafka, uniqueName } from './open-kafka.ts'
import { until } from './until.ts'

// A broker on a busy machine takes its time to start again.
t.setTimeout(150_000)

const directory = await mkdtemp(join(tmpdir(), 'meshtap-kafka-'))
const port = await freePort()
const proxyPort = await freePort()
const kafka: KafkaServer = await startKafka({
  directory,
  port,
  properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}` },
})
t.teardown(async () => {
  await kafka.kill()
  await rm(directory, { recursive: true, force: true })
})
const { brokers } = kafka
const proxy = await CuttingProxy.open(t, proxyPort, port)

function topicsOf(partitions: number) {
  return { partitions, replicas: 1, retentionMs: 86_400_000 }
}

function text(value: string, key?: string): LogRecord {
  return { ...(key === undefined ? {} : { key }), value: Buffer.from(value), headers: {} }
}

/** The LogError's code that a call rejects with, and after how long. */
async function refusal(call: Promise<unknown>): Promise<{ code: string; ms: number; message: string }> {
  const beganMs = performance.now()
  try {
    await call
  } catch (error) {
    if (error instanceof LogError) {
      return { code: error.code, ms: performance.now() - beganMs, message: error.message }
    }
    throw error
  }
  throw new Error('the call was expected to reject')
}

t.test('a broker that is killed and started again loses, doubles and reorders nothing', async (t) => {
  const topic = uniqueName('killed')
  const group = uniqueName('group')
  const store = new FencedStore()
  const { log } = await openKafka(t, brokers, { group, topics: topicsOf(4), appendTimeoutMs: 60_000 })
  const workers = [new FencedWorker('a', store, []), new FencedWorker('b', store, [])]
  const { log: other } = await openKafka(t, brokers, { group, topics: topicsOf(4) })
  const subscriptions = [await log.subscribe(topic, workers[0]!), await other.subscribe(topic, workers[1]!)]
  await until('they share', () => workers.every(({ owned }) => owned.size === 2))
  const appends = new AbortController()
  const appended: string[] = []
  // Eight senders, so that appends are under way whenever the broker dies.
  const appending = Array.from({ length: 8 }, async (_, sender) => {
    for (let i = 0; !appends.signal.aborted; i++) {
      const value = `${sender} ${i}`
      await log.append(topic, [text(value, `sender-${sender}`)])
      appended.push(value)
    }
  })
  await until('appends are under way', () => appended.length > 200)
  await kafka.kill()
  await kafka.start()
  const mark = appended.length
  await until('appends go on', () => appended.length > mark + 200)
  appends.abort()
  await Promise.all(appending)
  await until('all is read', () => store.values.length >= appended.length, 60_000)
  for (let sender = 0; sender < 8; sender++) {
    const numbers = store.values
      .filter((value) => value.startsWith(`${sender} `))
      .map((value) => Number(value.slice(2)))
    t.same(
      numbers,
      numbers.map((_, i) => i),
      `sender ${sender}: each once, in order`,
    )
  }
  t.equal(store.values.length, appended.length)
  await Promise.all(subscriptions.map((subscription) => subscription.close()))
})

t.test('a batch whose acknowledgement is lost is sent again, and is in the log once', async (t) => {
  const topic = uniqueName('cut')
  const { log } = await openKafka(t, brokers, { topics: topicsOf(1), lingerMs: 2 })
  await log.append(topic, [text('first')])
  const lostBefore = proxy.lost
  const appended = ['first']
  for (let round = 0; round < 10; round++) {
    proxy.answersToLose = 1 + (round % 2)
    // As many as before, so that a batch numbered like the lost one would be taken for it.
    const values = Array.from({ length: 3 }, (_, i) => `${round} ${i}`)
    await Promise.all(values.map((value) => log.append(topic, [text(value)])))
    appended.push(...values)
  }
  t.equal(proxy.lost - lostBefore, 15)
  const values: string[] = []
  for await (const { records } of log.readSince(partitionId(topic, 0), 0)) {
    values.push(...records.map(({ value }) => Buffer.from(value).toString()))
  }
  t.same(values, appended)
  t.equal(log.stats.renewals, 0)
})

t.test(
  'while the broker is away appends reject in time, the queue is bounded, and all goes on after',
  async (t) => {
    const topic = uniqueName('away')
    const { log } = await openKafka(t, brokers, {
      topics: topicsOf(1),
      appendTimeoutMs: 1_500,
      maxQueuedBytes: 100_000,
    })
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    await log.append(topic, [text('before')])
    await kafka.kill()
    const waiting = refusal(log.append(topic, [text('x'.repeat(60_000))]))
    const beyond = await refusal(log.append(topic, [text('x'.repeat(60_000))]))
    t.equal(beyond.code, 'LOG_UNAVAILABLE')
    t.ok(beyond.ms < 500, 'at once')
    t.match(beyond.message, /wait to be acknowledged/)
    const { code, ms, message } = await waiting
    t.equal(code, 'LOG_UNAVAILABLE')
    t.ok(ms > 1_400 && ms < 3_000, `${ms} ms`)
    t.match(message, /did not acknowledge .* within 1\.5 s/)
    t.equal(log.stats.queuedBytes, 0)
    t.equal((await refusal(log.append('never.seen', [text('a')]))).code, 'LOG_UNAVAILABLE', 'nor a new topic')
    t.equal((await refusal(openKafka(t, brokers))).code, 'LOG_UNAVAILABLE', 'nor a new log')
    await kafka.start()
    await until('appends go through', () =>
      log.append(topic, [text('after')]).then(
        () => true,
        () => false,
      ),
    )
    await until('it is read on', () =>
      handler.batches.some(({ records }) => records.some(({ value }) => value.length === 5)),
    )
    t.equal(handler.calls.filter((call) => call.startsWith('assigned')).length, 1, 'the partition stayed')
    await subscription.close()
  },
)

t.test('a broker that hangs is as one that is away, and closing does not wait for it', async (t) => {
  const topic = uniqueName('hanging')
  const { log } = await openKafka(t, brokers, { topics: topicsOf(1), appendTimeoutMs: 1_500 })
  const handler = new RecordingHandler()
  await log.subscribe(topic, handler)
  await log.append(topic, [text('before')])
  await handler.until(() => handler.batches.length === 1)
  kafka.pause()
  try {
    // The first may still be taken: a process does not stop at once.
    const { code, ms } = await refusal(
      (async () => {
        for (;;) {
          await log.append(topic, [text('lost or not')])
        }
      })(),
    )
    t.equal(code, 'LOG_UNAVAILABLE')
    t.ok(ms < 3_000, `${ms} ms`)
    const closing = openKafka(t, brokers).catch(() => undefined)
    const beganMs = performance.now()
    await log.close()
    t.ok(performance.now() - beganMs < 5_500, `${performance.now() - beganMs} ms`)
    t.equal(handler.calls.at(-1), `revoked ${topic}-0`)
    await closing
  } finally {
    kafka.resume()
  }
})

t.test('a producer whose numbers the broker does not take goes on with a new identity', async (t) => {
  const topic = uniqueName('numbers')
  const { log, troubles } = await openKafka(t, brokers, { topics: topicsOf(1) })
  await log.append(topic, [text('a')])
  // Somebody else goes on with our numbers: the next of ours is one that the log has passed.
  const others = new Brokers({ brokers: [brokers], clientId: 'other' })
  t.teardown(() => others.close())
  await others.topics([topic])
  const leader = others.node(others.leader(topic, 0)!, 'test')
  const [fetched] = await leader.send<FetchedPartition[]>(
    fetchRequest([{ topic, partition: 0, offset: 0, maxBytes: 1e6 }], { maxWaitMs: 1000, maxBytes: 1e6 }),
    5_000,
  )
  const { bytes } = fetched!
  const state = { producerId: bytes.readBigInt64BE(43), producerEpoch: bytes.readInt16BE(51), sequence: 1 }
  const two = [text('b'), text('c')].map((record) => encodeRecord(record, undefined))
  const batch = encodeBatch(two, state, 'none', Date.now())
  const answer = await leader.send<ProduceAnswer>(
    produceRequest([{ topic, partition: 0, batch }], 5_000),
    5_000,
  )
  t.equal(answer.topics[0]!.partitions[0]!.errorCode, 0)
  await log.append(topic, [text('d')])
  await log.append(topic, [text('e')])
  const values: string[] = []
  for await (const { records } of log.readSince(partitionId(topic, 0), 0)) {
    values.push(...records.map(({ value }) => Buffer.from(value).toString()))
  }
  t.same(values, ['a', 'b', 'c', 'd', 'e'])
  t.match(troubles, [{ kind: 'producer', message: /new identity/ }])
  t.equal(log.stats.renewals, 1)
})
