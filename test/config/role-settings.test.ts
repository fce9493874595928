import t from 'tap'
import { roleSettings } from '../../src/config/role-settings.ts'
import { ROLE_SETTINGS, ROLES } from '../../src/config/roles.ts'
import { SettingError, variableOf } from '../../src/config/setting.ts'

type Texts = Readonly<Record<string, string>>

const PEM = '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'

t.test('flags outrank variables, which outrank the file, which outranks defaults', async (t) => {
  const config = `${t.testdir({ 'm.yaml': 'cluster: file' })}/m.yaml`
  const check = async (flags: Texts, environment: Texts, want: string) =>
    t.equal((await roleSettings('serve', { flags, environment })).cluster, want)
  await check({}, {}, 'default')
  await check({ config }, {}, 'file')
  await check({}, { MESHTAP_CONFIG: config }, 'file')
  await check({ config }, { MESHTAP_CLUSTER: 'variable' }, 'variable')
  await check({ config, cluster: 'flag' }, { MESHTAP_CLUSTER: 'variable' }, 'flag')
})

t.test('every default is a value that its setting takes', async (t) => {
  const required = { MESHTAP_KAFKA: 'kafka:9092', MESHTAP_REDIS: 'redis://redis' }
  for (const role of ROLES) {
    const settings = await roleSettings(role, { flags: {}, environment: required })
    t.strictSame(Object.keys(settings), Object.keys(ROLE_SETTINGS[role]), role)
  }
  const settings = await roleSettings('serve', { flags: {}, environment: {} })
  t.strictSame(settings.listen, { host: '127.0.0.1', port: 8084 })
  t.equal(settings.logMaxBytes, 2 ** 30)
  t.equal(settings.logMaxAge, 86_400_000)
  t.equal(variableOf('log-max-age'), 'MESHTAP_LOG_MAX_AGE')
})

t.test('one name means one thing in every role', async (t) => {
  const seen = new Map<string, unknown>()
  for (const role of ROLES) {
    for (const setting of Object.values(ROLE_SETTINGS[role])) {
      const { isRequired: _required, ...meaning } = setting
      t.same(seen.get(setting.name) ?? meaning, meaning, `${role} ${setting.name}`)
      seen.set(setting.name, meaning)
    }
  }
})

t.test('lists are names, suffixes or all', async (t) => {
  for (const names of [['mesh.example.com', '.svc.cluster.local'], ['meshtap'], ['*'], []]) {
    const flags = { 'allowed-hosts': names.join(', ') }
    t.strictSame((await roleSettings('serve', { flags, environment: {} })).allowedHosts, names)
  }
})

const refused: readonly (readonly [Texts, Texts, string])[] = [
  [
    { 'tap-sessions': '5000' },
    {},
    'tap-memory is 268435456 bytes for tap-sessions of 5000: give at least 625MiB, 128 KiB for each',
  ],
  [{ partitions: 'many' }, {}, '--partitions is "many": must be a whole number from 1 to 64'],
  [
    {},
    { MESHTAP_FLUSH: '5' },
    'MESHTAP_FLUSH is "5": must be a duration such as 500ms, 10s, 5m or 24h, from 50 to 10000 ms',
  ],
  [{}, { MESHTAP_DATA: '' }, 'MESHTAP_DATA is "": must be the path of a directory'],
  [
    { 'allowed-hosts': 'mesh.example.com:8084' },
    {},
    '--allowed-hosts is "mesh.example.com:8084": must be names without port, such as mesh.example.com or ' +
      '.svc.cluster.local, or *',
  ],
  [
    { listen: 'localhost' },
    {},
    '--listen is "localhost": must be an address such as 127.0.0.1:8084 or [::1]:8084',
  ],
  [
    { 'log-max-bytes': '5 MB' },
    {},
    '--log-max-bytes is "5 MB": must be a size such as 512MiB or 1GiB, from 16777216 to 1099511627776 bytes',
  ],
  [
    { classify: 'http:429=bad' },
    {},
    '--classify is "http:429=bad": must be rules such as http:429=failure or grpc:5=failure, separated by commas',
  ],
  [
    { routes: '/ok,users' },
    {},
    '--routes is "/ok,users": route pattern "users": must begin with "/" and may have "*" only as its last segment',
  ],
  [
    { cluster: 'a b' },
    {},
    '--cluster is "a b": must be a name of 1 to 253 letters, digits, dots, dashes or underscores',
  ],
  [{ config: '/no/such.yaml' }, {}, '--config: /no/such.yaml cannot be read: ENOENT'],
]

t.test('a bad value is refused with where it came from, what it is and what is allowed', async (t) => {
  for (const [flags, environment, message] of refused) {
    await t.rejects(roleSettings('serve', { flags, environment }), { code: 'BAD_SETTING', message })
  }
})

t.test('all that is wrong is said at once', async (t) => {
  const config = `${t.testdir({ 'm.yaml': 'kafka-linger: soon\nkafka-partitons: 3\n' })}/m.yaml`
  const given = roleSettings('aggregator', {
    flags: { config, flush: '1' },
    environment: { MESHTAP_KAFKA: 'nowhere', MESHTAP_KAFKA_SASL_MECHANISM: 'plain' },
  })
  const error = await given.then(
    () => t.fail(),
    (error: unknown) => error as SettingError,
  )
  t.type(error, SettingError)
  t.strictSame((error as SettingError).faults.map(({ setting }) => setting).sort(), [
    'flush',
    'kafka',
    'kafka-linger',
    'kafka-partitons',
    'kafka-sasl-password',
    'kafka-sasl-username',
    'redis',
  ])
  t.match((error as SettingError).message, /^settings are wrong:\n {2}/)
  t.match(
    (error as SettingError).message,
    /redis is required: give --redis, MESHTAP_REDIS, or redis in the file of --config/,
  )
})

t.test('settings of Kafka that need each other are asked for, and no others', async (t) => {
  const files = t.testdir({ cert: PEM, token: 'abc' })
  const check = async (flags: Texts, want: readonly string[]) => {
    const given = { flags: { kafka: 'k:9092', ...flags }, environment: {} }
    const faults = await roleSettings('ingest', given).then(
      () => [],
      (error: unknown) => (error as SettingError).faults,
    )
    t.strictSame(
      faults.map(({ setting }) => setting),
      want,
      JSON.stringify(flags),
    )
  }
  const login = { 'kafka-sasl-username': 'me', 'kafka-sasl-password': 'secret' }
  await check({}, [])
  for (const kafka of ['k', 'k:0', 'k:65536', '::1:9092', 'k:1,k:99999']) await check({ kafka }, ['kafka'])
  await check({ kafka: '[::1]:9092,k:65535' }, [])
  await check({ 'kafka-tls': 'on', 'kafka-tls-ca': `${files}/cert` }, [])
  await check({ 'kafka-tls-ca': `${files}/cert` }, ['kafka-tls'])
  await check({ 'kafka-tls': 'on', 'kafka-tls-cert': `${files}/cert` }, ['kafka-tls-key'])
  await check({ 'kafka-tls': 'on', 'kafka-tls-key': `${files}/cert` }, ['kafka-tls-cert'])
  await check({ 'kafka-tls': 'on', 'kafka-tls-ca': `${files}/none` }, ['kafka-tls-ca'])
  await check({ 'kafka-sasl-mechanism': 'scram-sha-512', ...login }, [])
  await check({ 'kafka-sasl-mechanism': 'plain' }, ['kafka-sasl-username', 'kafka-sasl-password'])
  await check(login, ['kafka-sasl-mechanism'])
  await check({ 'kafka-sasl-mechanism': 'oauthbearer' }, ['kafka-sasl-token-file'])
  await check({ 'kafka-sasl-mechanism': 'oauthbearer', 'kafka-sasl-token-file': `${files}/token` }, [])
})
