import t from 'tap'
import { SERVE_SETTINGS, serveSettings } from '../../src/config/serve-settings.ts'
import {
  duration,
  hostPort,
  resolveSettings,
  SettingError,
  size,
  variableOf,
} from '../../src/config/setting.ts'

t.test('flags outrank the environment, which outranks defaults', async (t) => {
  const check = (flags: Record<string, string>, environment: Record<string, string>, cluster: string) =>
    t.equal(serveSettings(flags, environment).cluster, cluster)
  check({}, {}, 'default')
  check({}, { MESHTAP_CLUSTER: 'east' }, 'east')
  check({ cluster: 'west' }, { MESHTAP_CLUSTER: 'east' }, 'west')
})

t.test('every default is a value that its setting takes', async (t) => {
  const settings = serveSettings({}, {})
  t.strictSame(Object.keys(settings), Object.keys(SERVE_SETTINGS))
  t.strictSame(settings.listen, { host: '127.0.0.1', port: 8084 })
  t.strictSame(settings.ingestListen, { host: '127.0.0.1', port: 4318 })
  t.equal(settings.logMaxBytes, 2 ** 30)
  t.equal(settings.logMaxAge, 86_400_000)
  t.equal(variableOf('log-max-age'), 'MESHTAP_LOG_MAX_AGE')
})

t.test('allowed hosts are names, suffixes or all', async (t) => {
  for (const names of [['mesh.example.com', '.svc.cluster.local'], ['meshtap'], ['*'], []]) {
    t.strictSame(serveSettings({ 'allowed-hosts': names.join(', ') }, {}).allowedHosts, names)
  }
})

const refused: readonly (readonly [Record<string, string>, Record<string, string>, string, string])[] = [
  [{ partitions: 'many' }, {}, 'partitions', '--partitions is "many": must be a whole number from 1 to 64'],
  [
    {},
    { MESHTAP_FLUSH: '5' },
    'flush',
    'MESHTAP_FLUSH is "5": must be a duration such as 500ms, 10s, 5m or 24h, from 50 to 10000 ms',
  ],
  [{}, { MESHTAP_DATA: '' }, 'data', 'MESHTAP_DATA is "": must name a directory'],
  [
    { 'allowed-hosts': 'mesh.example.com:8084' },
    {},
    'allowed-hosts',
    '--allowed-hosts is "mesh.example.com:8084": must be names without port, such as mesh.example.com or ' +
      '.svc.cluster.local, or *',
  ],
  [
    { listen: 'localhost' },
    {},
    'listen',
    '--listen is "localhost": must be an address such as 127.0.0.1:8084 or [::1]:8084',
  ],
  [
    { 'log-max-bytes': '5 MB' },
    {},
    'log-max-bytes',
    '--log-max-bytes is "5 MB": must be a size such as 512MiB or 1GiB, from 16777216 to 1099511627776 bytes',
  ],
  [
    { classify: 'http:429=bad' },
    {},
    'classify',
    '--classify is "http:429=bad": must be rules such as http:429=failure or grpc:5=failure, separated by commas',
  ],
  [
    { cluster: 'a b' },
    {},
    'cluster',
    '--cluster is "a b": must be a name of 1 to 253 letters, digits, dots, dashes or underscores',
  ],
]

t.test('a bad value is refused with where it came from, what it is and what is allowed', async (t) => {
  for (const [flags, environment, setting, message] of refused) {
    t.throws(() => serveSettings(flags, environment), new SettingError(setting, message))
  }
})

t.test('sizes, durations and addresses', async (t) => {
  const any = { min: 0, max: Number.MAX_SAFE_INTEGER }
  t.equal(size(any)('3KiB'), 3072)
  t.equal(size(any)('17'), 17)
  t.equal(duration(any)('1.5s'), 1500)
  t.equal(duration(any)('2d'), 172_800_000)
  t.strictSame(hostPort('[::1]:80'), { host: '::1', port: 80 })
  t.strictSame(hostPort(':0'), { host: '127.0.0.1', port: 0 })
  t.throws(() => hostPort('127.0.0.1:99999'), RangeError)
  t.throws(
    () => resolveSettings({ a: { name: 'a', fallback: '', description: '', parse: size(any) } }, {}, {}),
    {
      message: /^the default of --a is "": must be a size/,
    },
  )
})
