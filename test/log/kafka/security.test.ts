import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../../../stack/free-port.ts'
import { startKafka } from '../../../stack/kafka.ts'
import { partitionId } from '../../../src/log/event-log.ts'
import type { KafkaConnection } from '../../../src/log/kafka/kafka-connection.ts'
import { RecordingHandler } from '../../contracts/recording-handler.ts'
import { openKafka, uniqueName } from './open-kafka.ts'

t.setTimeout(120_000)

const certificate = readFileSync(new URL('../../fixtures/tls/loopback-cert.pem', import.meta.url), 'utf8')
const key = readFileSync(new URL('../../fixtures/tls/loopback-key.pem', import.meta.url), 'utf8')

const [plain, tls, sasl, controller] = [
  await freePort(),
  await freePort(),
  await freePort(),
  await freePort(),
]
const listeners = `PLAINTEXT://127.0.0.1:${plain},SSL://127.0.0.1:${tls},SASL_SSL://127.0.0.1:${sasl}`
const inLine = (pem: string) => pem.trim().replaceAll('\n', '\\n')
const loginModule = (of: string, rest = '') =>
  `org.apache.kafka.common.security.${of}LoginModule required${rest};`
const directory = await mkdtemp(join(tmpdir(), 'meshtap-kafka-'))
const kafka = await startKafka({
  directory,
  port: plain,
  properties: {
    listeners: `${listeners},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT',
    'controller.quorum.voters': `1@127.0.0.1:${controller}`,
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': inLine(certificate),
    'ssl.keystore.key': inLine(key),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': inLine(certificate),
    'listener.name.ssl.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    'listener.name.sasl_ssl.plain.sasl.jaas.config': loginModule('plain.Plain', ' user_alice="secret"'),
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': loginModule('scram.Scram'),
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': loginModule('scram.Scram'),
    'listener.name.sasl_ssl.oauthbearer.sasl.jaas.config': loginModule(
      'oauthbearer.OAuthBearer',
      ' unsecuredLoginStringClaim_sub="server"',
    ),
  },
})
t.teardown(async () => {
  await kafka.kill()
  await rm(directory, { recursive: true, force: true })
})

const MECHANISMS = { 'scram-sha-256': [1, 32, 'sha256'], 'scram-sha-512': [2, 64, 'sha512'] } as const

/** Makes a user of a mechanism: AlterUserScramCredentials, version 0, which kafkajs does not know. */
async function makeScramUser(
  mechanism: keyof typeof MECHANISMS,
  name: string,
  password: string,
): Promise<void> {
  const [number, length, hash] = MECHANISMS[mechanism]
  const bytes = (value: Buffer) => Buffer.concat([Buffer.from([value.length + 1]), value])
  const int32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
  const salt = randomBytes(16)
  const salted = pbkdf2Sync(password, salt, 4096, length, hash)
  const request = Buffer.concat([
    Buffer.from([0, 51, 0, 0, 0, 0, 0, 1, 0, 1, 0x74, 0]),
    // No deletions, one change.
    Buffer.from([1, 2]),
    bytes(Buffer.from(name)),
    Buffer.from([number]),
    int32(4096),
    bytes(salt),
    bytes(salted),
    Buffer.from([0, 0]),
  ])
  const socket = connect(plain, '127.0.0.1')
  socket.write(Buffer.concat([int32(request.length), request]))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  // After length, correlation, no fields, throttling, and one result: its name and its code.
  const code = answer.readInt16BE(4 + 4 + 1 + 4 + 1 + 1 + name.length)
  if (code !== 0) throw new Error(`the user was not made: Kafka's error ${code}`)
}

/** A token that is not signed, which brokers take that were not told whose to take. */
function token(subject: string): string {
  const now = Math.floor(Date.now() / 1000)
  const parts = [{ alg: 'none' }, { sub: subject, iat: now, exp: now + 3600 }]
  return `${parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`
}

function connectionOf(port: number, rest: Omit<KafkaConnection, 'brokers' | 'clientId'>): KafkaConnection {
  return { brokers: [`127.0.0.1:${port}`], clientId: 'meshtap-test', ...rest }
}

await makeScramUser('scram-sha-256', 'bob', 'geheim')
await makeScramUser('scram-sha-512', 'bob', 'geheim')
const trusting = { ca: certificate }

const allowed: readonly (readonly [string, KafkaConnection])[] = [
  ['TLS with a certificate of ours', connectionOf(tls, { tls: { ...trusting, cert: certificate, key } })],
  [
    'SASL plain',
    connectionOf(sasl, {
      tls: trusting,
      sasl: { mechanism: 'plain', username: 'alice', password: 'secret' },
    }),
  ],
  ...(['scram-sha-256', 'scram-sha-512'] as const).map(
    (mechanism) =>
      [
        `SASL ${mechanism}`,
        connectionOf(sasl, { tls: trusting, sasl: { mechanism, username: 'bob', password: 'geheim' } }),
      ] as const,
  ),
  [
    'SASL oauthbearer',
    connectionOf(sasl, {
      tls: trusting,
      sasl: { mechanism: 'oauthbearer', token: async () => token('carol') },
    }),
  ],
]

for (const [what, connection] of allowed) {
  t.test(`${what}: appended, read in a group, and read since`, async (t) => {
    const { log, troubles } = await openKafka(t, kafka.brokers, { connection })
    const topic = uniqueName('secured')
    await log.append(topic, [{ key: 'a', value: Buffer.from('a'), headers: {} }])
    const handler = new RecordingHandler()
    const subscription = await log.subscribe(topic, handler)
    await handler.until(() => handler.batches.length === 1)
    const batch = handler.batches[0]!
    for await (const { records } of log.readSince(batch.partition, 0)) t.same(records, batch.records)
    t.ok([partitionId(topic, 0), partitionId(topic, 1)].includes(batch.partition))
    await subscription.close()
    t.same(troubles, [])
  })
}

t.test('who is not let in is told why', async (t) => {
  const refused: readonly (readonly [string, KafkaConnection, RegExp])[] = [
    ['no TLS', connectionOf(tls, {}), /cannot use the broker/],
    ['a CA that is not trusted', connectionOf(sasl, { tls: {} }), /self-signed certificate/],
    ['no certificate', connectionOf(tls, { tls: trusting }), /certificate/i],
    ['no login', connectionOf(sasl, { tls: trusting }), /Closed connection|cannot use the broker/],
    [
      'a wrong password',
      connectionOf(sasl, {
        tls: trusting,
        sasl: { mechanism: 'plain', username: 'alice', password: 'wrong' },
      }),
      /PLAIN.*[Aa]uthentication failed/,
    ],
    [
      'a wrong password of SCRAM',
      connectionOf(sasl, {
        tls: trusting,
        sasl: { mechanism: 'scram-sha-512', username: 'bob', password: 'falsch' },
      }),
      /SCRAM.*[Aa]uthentication failed/,
    ],
    [
      'a token that is none',
      connectionOf(sasl, { tls: trusting, sasl: { mechanism: 'oauthbearer', token: async () => 'x' } }),
      /OAUTHBEARER authentication failed.*invalid_token/,
    ],
  ]
  await Promise.all(
    refused.map(([what, connection, message]) =>
      t.rejects(openKafka(t, kafka.brokers, { connection }), { code: 'LOG_UNAVAILABLE', message }, what),
    ),
  )
})
