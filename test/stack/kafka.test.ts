import kafkajs from 'kafkajs'
import t from 'tap'
import { startKafka } from '../../stack/kafka.ts'
import { kafkaForTest } from '../services.ts'

// A machine without the jars fetches them first.
t.setTimeout(180_000)

const TOPIC = `orders-${process.pid}`

function clientOf(brokers: string, retries = 20) {
  return new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING, retry: { retries } })
}

t.test('a broker serves, after being killed, what it acknowledged, and no topics of others', async (t) => {
  const [server, other] = await Promise.all([
    startKafka({ directory: t.testdir(), isBrief: true }),
    kafkaForTest(t),
  ])
  t.teardown(() => server.kill())
  const { brokers, pid } = server
  const kafka = clientOf(brokers)
  const admin = kafka.admin()
  const otherAdmin = clientOf(other.brokers).admin()
  const producer = kafka.producer()
  await Promise.all([admin.connect(), otherAdmin.connect(), producer.connect()])
  t.teardown(() => Promise.all([admin.disconnect(), otherAdmin.disconnect(), producer.disconnect()]))
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 1 }], waitForLeaders: true })
  await producer.send({ topic: TOPIC, acks: -1, messages: [{ value: 'one' }, { value: 'two' }] })
  t.notOk((await otherAdmin.listTopics()).includes(TOPIC))

  await server.kill()
  t.throws(() => process.kill(pid, 0), 'the process is gone')
  t.throws(() => server.pid, /not running/)
  await server.start()

  t.equal(server.brokers, brokers)
  t.not(server.pid, pid)
  t.match(await admin.fetchTopicOffsets(TOPIC), [{ partition: 0, high: '2' }])
  const asking = clientOf(brokers, 0).producer()
  await asking.connect()
  t.teardown(() => asking.disconnect())
  await t.rejects(asking.send({ topic: 'nobody-made-this', messages: [{ value: '' }] }))
  t.strictSame(await admin.listTopics(), [TOPIC], 'writing to a topic does not make it')
})
