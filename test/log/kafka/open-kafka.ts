import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { KafkaEventLog, type KafkaEventLogOptions } from '../../../src/log/kafka/kafka-event-log.ts'
import type { KafkaTrouble } from '../../../src/log/kafka/trouble.ts'

/** A name for topics and groups that no other test has: brokers may be shared. */
export function uniqueName(prefix: string): string {
  return `${prefix}.${process.pid}.${randomBytes(4).toString('hex')}`
}

export interface OpenedKafkaLog {
  readonly log: KafkaEventLog
  readonly group: string
  readonly troubles: KafkaTrouble[]
}

/** A log of a group of its own, closed at the test's end. */
export async function openKafka(
  t: Test,
  brokers: string,
  options: Partial<KafkaEventLogOptions> = {},
): Promise<OpenedKafkaLog> {
  const troubles: KafkaTrouble[] = []
  const group = options.group ?? uniqueName('group')
  const log = await KafkaEventLog.open({
    connection: { brokers: [brokers], clientId: 'meshtap-test' },
    group,
    topics: { partitions: 2, replicas: 1, retentionMs: 86_400_000 },
    maxRecordBytes: 1_000_000,
    compression: 'lz4',
    lingerMs: 0,
    sessionTimeoutMs: 6_000,
    metadataMs: 500,
    onTrouble: (trouble) => troubles.push(trouble),
    ...options,
  })
  t.teardown(() => log.close())
  return { log, group, troubles }
}
