import kafkajs from 'kafkajs'
import t from 'tap'
import { startKafka } from '../../stack/kafka.ts'
import { kafkaForTest } from '../services.ts'

const TOPIC = 'orders'

function clientOf(brokers: string) {
  return new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 20 } })
}

t.test('a broker that is killed and started again serves what it acknowledged', async (t) => {
  const server = await startKafka({ directory: t.testdir() })
  t.teardown(() => server.kill())
  const { brokers, pid } = server
  const kafka = clientOf(brokers)
  const admin = kafka.admin()
  const producer = kafka.producer()
  await admin.connect()
  await producer.connect()
  t.teardown(() => Promise.all([admin.disconnect(), producer.disconnect()]))
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true })
  await producer.send({ topic: TOPIC, acks: -1, messages: [{ value: 'one' }, { value: 'two' }] })

  await server.kill()
  t.throws(() => process.kill(pid, 0), 'the process is gone')
  t.throws(() => server.pid, /not running/)
  await server.start()

  t.equal(server.brokers, brokers)
  t.not(server.pid, pid)
  t.match(await admin.fetchTopicOffsets(TOPIC), [{ partition: 0, high: '2' }])
})

t.test('brokers of two tests do not see each other, and make no topic that nobody created', async (t) => {
  const [one, two] = await Promise.all([kafkaForTest(t), startKafka({ directory: t.testdir() })])
  t.teardown(() => two.kill())
  const [a, b] = [clientOf(one.brokers).admin(), clientOf(two.brokers).admin()]
  await Promise.all([a.connect(), b.connect()])
  t.teardown(() => Promise.all([a.disconnect(), b.disconnect()]))
  const topic = `of-one-${process.pid}`
  await a.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true })
  t.ok((await a.listTopics()).includes(topic))
  t.strictSame(await b.listTopics(), [])
})
