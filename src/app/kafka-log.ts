import { readFile } from 'node:fs/promises'
import type { KafkaSettings } from '../config/kafka-settings.ts'
import type { Role } from '../config/roles.ts'
import type { KafkaConnection } from '../log/kafka/kafka-connection.ts'
import type { EventLog } from '../log/event-log.ts'
import type { KafkaLogStats } from '../log/kafka/kafka-event-log.ts'
import { LateEventLog } from './late-event-log.ts'
import { addKafkaMetrics } from './metrics/kafka-metrics.ts'
import { Opening } from './opening.ts'
import type { RoleContext } from './role-context.ts'

/** How long an append waits for Kafka before who sent the events is told to send them again: less than senders wait. */
const APPEND_TIMEOUT_MS = 5_000

type Context = Pick<RoleContext<Role>, 'trouble' | 'parts' | 'onFatal'>

/** What a log that is only read is opened with: nothing is made, written or subscribed to. */
const READING = {
  group: 'meshtap',
  partitions: 1,
  replicas: 1,
  retention: 86_400_000,
  maxRecordBytes: 1_000_000,
  compression: 'none',
  linger: 0,
  sessionTimeout: 10_000,
  deadLetterTopic: '',
} as const satisfies Partial<KafkaSettings>

/** The log in Kafka for who only reads it. */
export function openReplayLog(context: RoleContext<'gateway'>, brokers: readonly string[]): LateEventLog {
  return open(context, { ...READING, ...context.settings, brokers }).log
}

/** The log in Kafka, opened as soon as Kafka answers, and closed with the role. */
export function openKafkaLog(context: RoleContext<'ingest' | 'aggregator'>): LateEventLog {
  const { log, stats } = open(context, context.settings)
  addKafkaMetrics(context.metrics, stats)
  return log
}

interface Opened {
  readonly log: LateEventLog
  /** Undefined until it is open. */
  readonly stats: () => KafkaLogStats | undefined
}

function open({ trouble, parts, onFatal }: Context, settings: KafkaSettings): Opened {
  const onTrouble = trouble.of('kafka')
  let opened: { readonly stats: KafkaLogStats } | undefined
  const opening = new Opening<EventLog>({
    what: 'Kafka',
    onTrouble,
    onFatal,
    open: async () => {
      const { KafkaEventLog } = await import('../log/kafka/kafka-event-log.ts')
      const { group, maxRecordBytes, compression, partitions, replicas } = settings
      const log = await KafkaEventLog.open({
        connection: connectionOf(settings),
        group,
        topics: { partitions, replicas, retentionMs: settings.retention },
        maxRecordBytes,
        compression,
        lingerMs: settings.linger,
        sessionTimeoutMs: settings.sessionTimeout,
        onTrouble,
        appendTimeoutMs: APPEND_TIMEOUT_MS,
      })
      opened = log
      return log
    },
  })
  parts.add('kafka', () => opening.close())
  const log = new LateEventLog(opening, (message) => onTrouble({ kind: 'subscribe', message }))
  return { log, stats: () => opened?.stats }
}

function connectionOf(settings: KafkaSettings): KafkaConnection {
  const { brokers, clientId, tls, tlsCa, tlsCert, tlsKey } = settings
  const sasl = saslOf(settings)
  return {
    brokers,
    clientId,
    ...(tls
      ? {
          tls: {
            ...(tlsCa === undefined ? {} : { ca: tlsCa }),
            ...(tlsCert === undefined ? {} : { cert: tlsCert }),
            ...(tlsKey === undefined ? {} : { key: tlsKey }),
          },
        }
      : {}),
    ...(sasl === undefined ? {} : { sasl }),
  }
}

function saslOf(settings: KafkaSettings): KafkaConnection['sasl'] {
  const { saslMechanism: mechanism, saslUsername: username, saslPassword: password, saslTokenFile } = settings
  switch (mechanism) {
    case 'none':
      return undefined
    case 'oauthbearer':
      // Whoever renews the token writes it there anew.
      return { mechanism, token: async () => (await readFile(saslTokenFile!, 'utf8')).trim() }
    case 'plain':
    case 'scram-sha-256':
    case 'scram-sha-512':
      return { mechanism, username: username!, password: password! }
  }
}
