/** Reads a topic in a group and prints what it is told, until it is killed. */
import { KafkaEventLog } from '../../../src/log/kafka/kafka-event-log.ts'

const [brokers, group, topic] = process.argv.slice(2) as [string, string, string]

function tell(line: string): void {
  process.stdout.write(`${line}\n`)
}

const log = await KafkaEventLog.open({
  connection: { brokers: [brokers], clientId: 'meshtap-test' },
  group,
  topics: { partitions: 2, replicas: 1, retentionMs: 86_400_000 },
  maxRecordBytes: 1_000_000,
  compression: 'none',
  lingerMs: 0,
  sessionTimeoutMs: 6_000,
  onTrouble: () => {},
})
await log.subscribe(topic, {
  assigned: async (partition) => {
    tell(`assigned ${partition}`)
    return 0
  },
  records: async ({ records }) => {
    for (const { value } of records) tell(`read ${Buffer.from(value).toString()}`)
    return records.at(-1)!.offset + 1
  },
  revoked: async (partition) => tell(`revoked ${partition}`),
})
