import t from 'tap'
import type { LogRecord } from '../../../src/log/event-log.ts'
import type { Brokers } from '../../../src/log/kafka/brokers.ts'
import type { ProduceAnswer } from '../../../src/log/kafka/produce-request.ts'
import { Producer } from '../../../src/log/kafka/producer.ts'
import type { Topics } from '../../../src/log/kafka/topics.ts'

const RECORD: LogRecord = { value: Buffer.from('a'), headers: {} }
const NOT_LEADER = 6

/** A producer of one partition, whose leader answers requests with these codes in turn, and the last ones never. */
function producerOf(codes: readonly number[], options: { readonly lingerMs: number }) {
  const answers = codes.values()
  const send = (): Promise<ProduceAnswer> => {
    const { value: errorCode, done } = answers.next()
    if (done === true) return new Promise(() => {})
    return Promise.resolve({
      topics: [{ topicName: 'events', partitions: [{ partition: 0, errorCode }] }],
    })
  }
  const brokers: Pick<Brokers, 'leader' | 'refresh'> & Record<'controller' | 'node', unknown> = {
    leader: () => 1,
    refresh: async () => {},
    controller: async () => ({ request: async () => ({ producerId: '1', producerEpoch: 0 }) }),
    node: () => ({ send }),
  }
  const topics: Pick<Topics, 'known'> = { known: (topic) => ({ topic, partitions: 1 }) }
  return new Producer(brokers as unknown as Brokers, topics as unknown as Topics, {
    maxRecordBytes: 1_000,
    compression: 'none',
    appendTimeoutMs: 300,
    maxQueuedBytes: 10_000,
    onTrouble: () => {},
    beforeSend: () => undefined,
    ...options,
  })
}

t.test('an append that is not answered is not said to have failed for what has passed', async (t) => {
  const producer = producerOf([NOT_LEADER, 0], { lingerMs: 0 })
  await producer.append('events', [RECORD])
  t.equal(producer.stats.failedRequests, 1)
  await t.rejects(producer.append('events', [RECORD]), {
    code: 'LOG_UNAVAILABLE',
    message: 'events did not acknowledge 28 bytes within 0.3 s: no broker has answered',
  })
})

t.test('an append that a stop cuts short says how long it had', async (t) => {
  const producer = producerOf([], { lingerMs: 0 })
  const appended = producer.append('events', [RECORD])
  await Promise.all([producer.drain(0), t.rejects(appended, { message: /within 0\.0 s/ })])
})

t.test('a clock that is set back holds up no append', async (t) => {
  const producer = producerOf([0], { lingerMs: 20 })
  const { now } = Date
  t.teardown(() => (Date.now = now))
  const appended = producer.append('events', [RECORD])
  const unanswered = producer.append('events', [RECORD])
  Date.now = () => now() - 3_600_000
  await appended
  await unanswered
  await t.rejects(producer.append('events', [RECORD]), { code: 'LOG_UNAVAILABLE' })
})
