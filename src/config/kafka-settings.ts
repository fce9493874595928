import { type SettingFault, settingsOf, type Settings, waysToGive } from './setting.ts'
import {
  choice,
  duration,
  list,
  matching,
  onOff,
  pemFile,
  readableFile,
  size,
  someText,
  wholeNumber,
} from './value-types.ts'

const { setting, optional, required } = settingsOf('kafka')

const DAY_MS = 86_400_000

const topicName = matching(
  '<topic>',
  /^(?!\.\.?$)[a-zA-Z0-9._-]{1,249}$/,
  'a name of 1 to 249 letters, digits, dots, dashes or underscores',
)

function brokers(text: string): readonly string[] {
  const found = list(text)
  if (found.length > 0 && found.every(isBroker)) return found
  throw new RangeError(
    'must be addresses with a port of 1 to 65535, separated by commas, such as kafka-1:9092,kafka-2:9092',
  )
}

function isBroker(text: string): boolean {
  const port = Number(/^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\]):(\d{1,5})$/i.exec(text)?.[1])
  return port >= 1 && port <= 65_535
}

const BROKERS = { placeholder: '<addresses>', parse: brokers }
const BROKERS_ARE = 'brokers to ask first, separated by commas'

/** Kafka, and the topics in it. */
export const KAFKA_SETTINGS = {
  brokers: {
    ...required('kafka', BROKERS, BROKERS_ARE),
    fileAlias: 'kafka-brokers',
  },
  clientId: setting(
    'kafka-client-id',
    'meshtap',
    someText('<id>', 'a text of at least one character'),
    'name of meshtap in the logs of the brokers',
  ),
  topic: setting('topic', 'mesh.requests', topicName, 'topic of events; <cluster>.<topic> is read too'),
  deadLetterTopic: setting(
    'dead-letter-topic',
    'mesh.requests.dead',
    topicName,
    'topic of records that could not be decoded',
  ),
  group: setting(
    'kafka-group',
    'meshtap',
    someText('<group>', 'a text of at least one character'),
    'consumer group that aggregators share partitions in',
  ),
  tls: setting('kafka-tls', 'off', onOff, 'connect with TLS'),
  tlsCa: optional('kafka-tls-ca', pemFile, "certificates to trust instead of the system's"),
  tlsCert: optional('kafka-tls-cert', pemFile, 'certificate to show to the brokers'),
  tlsKey: optional('kafka-tls-key', pemFile, 'its private key'),
  saslMechanism: setting(
    'kafka-sasl-mechanism',
    'none',
    choice('<mechanism>', 'none', 'plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer'),
    'how to log in',
  ),
  saslUsername: optional(
    'kafka-sasl-username',
    someText('<name>', 'a text of at least one character'),
    'user to log in as',
  ),
  saslPassword: {
    ...optional(
      'kafka-sasl-password',
      someText('<password>', 'a text of at least one character'),
      'its password',
    ),
    secrecy: 'value',
  },
  saslTokenFile: optional(
    'kafka-sasl-token-file',
    readableFile,
    'file with the token of oauthbearer, read anew at every login',
  ),
  partitions: setting(
    'kafka-partitions',
    '8',
    wholeNumber({ min: 1, max: 10_000 }),
    'partitions of a topic that is made: the most aggregators that can share it',
  ),
  replicas: setting(
    'kafka-replicas',
    '1',
    wholeNumber({ min: 1, max: 32 }),
    'replicas of a topic that is made; three where there are as many brokers',
  ),
  retention: setting(
    'kafka-retention',
    '24h',
    duration({ min: 60_000, max: 3650 * DAY_MS }),
    'how long a topic that is made keeps records: what can be counted anew if Redis loses all',
  ),
  maxRecordBytes: setting(
    'kafka-max-record-bytes',
    '1000000',
    size({ min: 16_384, max: 2 ** 26 }),
    'longest record; a topic that is made allows as much',
  ),
  compression: setting(
    'kafka-compression',
    'lz4',
    choice('<codec>', 'none', 'gzip', 'lz4', 'zstd'),
    'how batches are compressed; all of these and snappy are read',
  ),
  linger: setting(
    'kafka-linger',
    '5ms',
    duration({ min: 0, max: 10_000 }),
    'how long a batch may wait for more to send with it',
  ),
  sessionTimeout: setting(
    'kafka-session-timeout',
    '10s',
    duration({ min: 1000, max: 300_000 }),
    "silence after which an aggregator's partitions go to another",
  ),
} as const

/** For a role that reads the topic where it is given brokers, and does without else. */
export const KAFKA_READING_SETTINGS = {
  brokers: {
    ...optional('kafka', BROKERS, BROKERS_ARE),
    fileAlias: KAFKA_SETTINGS.brokers.fileAlias,
  },
  clientId: KAFKA_SETTINGS.clientId,
  topic: KAFKA_SETTINGS.topic,
  tls: KAFKA_SETTINGS.tls,
  tlsCa: KAFKA_SETTINGS.tlsCa,
  tlsCert: KAFKA_SETTINGS.tlsCert,
  tlsKey: KAFKA_SETTINGS.tlsKey,
  saslMechanism: KAFKA_SETTINGS.saslMechanism,
  saslUsername: KAFKA_SETTINGS.saslUsername,
  saslPassword: KAFKA_SETTINGS.saslPassword,
  saslTokenFile: KAFKA_SETTINGS.saslTokenFile,
} as const

export type KafkaSettings = Settings<typeof KAFKA_SETTINGS>

/** Settings that must go together. */
export function kafkaFaults(settings: Partial<KafkaSettings>): readonly SettingFault[] {
  const { tls, tlsCa, tlsCert, tlsKey, saslMechanism, saslUsername, saslPassword, saslTokenFile } = settings
  const faults: SettingFault[] = []
  const needs = (given: string, ...wanted: readonly (readonly [string, unknown])[]) => {
    for (const [setting, value] of wanted) {
      if (value !== undefined) continue
      faults.push({ setting, message: `${setting} has no value: ${given} needs it (${waysToGive(setting)})` })
    }
  }
  if (tls === false && (tlsCa ?? tlsCert ?? tlsKey) !== undefined) {
    const setting = 'kafka-tls'
    faults.push({
      setting,
      message: `${setting} is off, but there are certificates or keys for it: turn it on`,
    })
  }
  if (tlsCert !== undefined) needs('kafka-tls-cert', ['kafka-tls-key', tlsKey])
  if (tlsKey !== undefined) needs('kafka-tls-key', ['kafka-tls-cert', tlsCert])
  if (saslMechanism === 'oauthbearer')
    needs(`the mechanism ${saslMechanism}`, ['kafka-sasl-token-file', saslTokenFile])
  else if (saslMechanism !== undefined && saslMechanism !== 'none') {
    needs(
      `the mechanism ${saslMechanism}`,
      ['kafka-sasl-username', saslUsername],
      ['kafka-sasl-password', saslPassword],
    )
  } else if (saslMechanism === 'none' && (saslUsername ?? saslPassword ?? saslTokenFile) !== undefined) {
    const setting = 'kafka-sasl-mechanism'
    faults.push({
      setting,
      message: `${setting} is none, but there is a user, password or token: say how to log in`,
    })
  }
  return faults
}
