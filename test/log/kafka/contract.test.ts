import kafkajs from 'kafkajs'
import t from 'tap'
import { eventLogContract } from '../../contracts/event-log.ts'
import { kafkaForTest } from '../../services.ts'
import { openKafka, uniqueName } from './open-kafka.ts'

t.setTimeout(120_000)

const { brokers } = await kafkaForTest(t)

const admin = new kafkajs.Kafka({ brokers: [brokers], logLevel: kafkajs.logLevel.NOTHING }).admin()
await admin.connect()
t.teardown(() => admin.disconnect())

let newest = ''

eventLogContract(t, {
  name: 'kafka',
  newTopic: () => (newest = uniqueName('contract')),
  open: async (t, partitions) => {
    const topics = { partitions, replicas: 1, retentionMs: 86_400_000 }
    const { log, group } = await openKafka(t, brokers, { topics })
    return {
      log,
      reopen: async () => (await openKafka(t, brokers, { topics, group })).log,
      tick: async () => {
        // The broker gives records its own time, which is that of this machine.
        const now = Date.now()
        while (Date.now() <= now + 1) await new Promise((resolve) => setImmediate(resolve))
      },
      expireAll: async () => {
        const offsets = await admin.fetchTopicOffsets(newest)
        const all = offsets.map(({ partition }) => ({ partition, offset: '-1' }))
        await admin.deleteTopicRecords({ topic: newest, partitions: all })
      },
    }
  },
  supports: { denseOffsets: true, independentPartitions: true, tooLargeBytes: 1_000_001 },
})
