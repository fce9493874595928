import { readFileSync } from 'node:fs'
import t from 'tap'
import { CLIENT_SETTINGS } from '../../src/config/client.ts'
import { resolveSchema, roleSettings } from '../../src/config/role-settings.ts'
import { ALL_SETTINGS, ROLE_SETTINGS } from '../../src/config/roles.ts'
import type { Setting, SettingError } from '../../src/config/setting.ts'

type Texts = Readonly<Record<string, string>>

const LOGIN = { kafka: 'k:9092', 'kafka-sasl-mechanism': 'plain', 'kafka-sasl-username': 'me' }

t.test('a secret is read from a file wherever it could be given itself', async (t) => {
  const directory = t.testdir({
    password: 'first:second \n',
    'm.yaml': `kafka-sasl-password-file: ${t.testdirName}/password`,
  })
  const check = async (flags: Texts, environment: Texts) => {
    const settings = await roleSettings('ingest', { flags: { ...LOGIN, ...flags }, environment })
    t.equal(settings.saslPassword, 'first:second ', 'without the end of the line, with all else')
  }
  await check({ 'kafka-sasl-password-file': `${directory}/password` }, {})
  await check({}, { MESHTAP_KAFKA_SASL_PASSWORD_FILE: `${directory}/password` })
  await check({ config: `${directory}/m.yaml` }, {})
})

t.test('a secret given twice in one place is refused, and one of a higher place outranks', async (t) => {
  const file = `${t.testdir({ password: 'x' })}/password`
  const both = { MESHTAP_KAFKA_SASL_PASSWORD: 'x', MESHTAP_KAFKA_SASL_PASSWORD_FILE: file }
  await t.rejects(roleSettings('ingest', { flags: LOGIN, environment: both }), {
    message:
      'MESHTAP_KAFKA_SASL_PASSWORD and MESHTAP_KAFKA_SASL_PASSWORD_FILE are both given: give one of them',
  })
  const flags = { ...LOGIN, 'kafka-sasl-password': 'flag' }
  const environment = { MESHTAP_KAFKA_SASL_PASSWORD_FILE: '/no/such/file' }
  t.equal((await roleSettings('ingest', { flags, environment })).saslPassword, 'flag')
  await t.rejects(roleSettings('ingest', { flags: LOGIN, environment }), {
    message:
      'MESHTAP_KAFKA_SASL_PASSWORD_FILE is "/no/such/file": must name a file that can be read (ENOENT)',
  })
})

t.test('secrets that open a gateway are read from files, and shown by nobody', async (t) => {
  const secret = 'thirty-two characters, or a little more'
  const directory = t.testdir({ secret: `${secret}\n` })
  for (const name of ['jwt-secret', 'ticket-secret'] as const) {
    const flags = { redis: 'redis://redis', [`${name}-file`]: `${directory}/secret` }
    const { inForce } = await resolveSchema(ROLE_SETTINGS.gateway, { flags, environment: {} })
    t.notMatch(JSON.stringify(inForce), secret)
    const settings = await roleSettings('gateway', { flags, environment: {} })
    t.equal(name === 'jwt-secret' ? settings.jwtSecret : settings.ticketSecret, secret)
  }
})

t.test('docs/configuration.md lists every secret, and none besides', async (t) => {
  const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const [, section = ''] = /\n## Secrets\n([^]*?)\n## /.exec(text) ?? []
  const listed = [...section.matchAll(/^\| `([\w-]+)`/gm)].map(([, name]) => name)
  const settings: readonly Setting<unknown>[] = [...ALL_SETTINGS.values(), ...Object.values(CLIENT_SETTINGS)]
  const secrets = settings.filter(({ secrecy }) => secrecy !== undefined).map(({ name }) => name)
  t.strictSame(new Set(listed), new Set(secrets))
})

const SECRET = 'hunter2'

/** URLs with the secret, and how they are shown. The last ones are no URLs of Redis. */
const shown: readonly (readonly [string, string])[] = [
  [`redis://:${SECRET}@redis:6379/1`, 'redis://:********@redis:6379/1'],
  [`rediss://me:${SECRET}@redis`, 'rediss://me:********@redis'],
  [
    `redis+sentinel://me:${SECRET}@a,b/main?db=2&sentinelPassword=${SECRET}`,
    'redis+sentinel://me:********@a,b/main?db=2&sentinelPassword=********',
  ],
  ['redis://redis:6379', 'redis://redis:6379'],
  [`redis://${SECRET}@redis`, 'redis://********@redis'],
  [`redis://me:a/b@${SECRET}@redis:99999`, 'redis://me:********@redis:99999'],
  [`me:${SECRET}@redis`, 'me:********@redis'],
  [`redis://redis?password=${SECRET}`, 'redis://redis?password=********'],
]

t.test('neither what is in force nor an error shows a secret', async (t) => {
  for (const [redis, want] of shown) {
    const given = { flags: { redis }, environment: {} }
    const { inForce, faults } = await resolveSchema(ROLE_SETTINGS.gateway, given)
    t.equal(inForce.find(({ name }) => name === 'redis')!.text, want)
    t.notMatch(JSON.stringify(faults), SECRET, redis)
  }
  const flags = { ...LOGIN, kafka: '', 'kafka-sasl-password': SECRET }
  const { inForce } = await resolveSchema(ROLE_SETTINGS.ingest, { flags, environment: {} })
  t.notMatch(JSON.stringify(inForce), SECRET)
  const error = await roleSettings('ingest', { flags, environment: {} }).catch((error: unknown) => error)
  t.notMatch((error as SettingError).message, SECRET)
})
