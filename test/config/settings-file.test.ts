import t from 'tap'
import { resolve } from '../../src/config/resolve.ts'
import { ALL_SETTINGS, ROLE_SETTINGS } from '../../src/config/roles.ts'
import { parseSettings } from '../../src/config/settings-file.ts'

async function read(yaml: string) {
  const { values, faults } = await parseSettings(yaml, 'm.yaml', ALL_SETTINGS)
  return {
    texts: Object.fromEntries([...values].map(([name, { text }]) => [name, text])),
    places: Object.fromEntries([...values].map(([name, { place }]) => [name, place])),
    faults: faults.map(({ message }) => message),
  }
}

t.test(
  'keys are names of settings, nested or not; lists, numbers and switches are those of YAML',
  async (t) => {
    const { texts, places, faults } = await read(`# all of it
kafka:
  brokers: [kafka-1:9092, kafka-2:9092]
  tls: true
  partitions: 12
  sasl:
    mechanism: plain
    username: me
    password: 00123
redis: redis://redis:6379
flush: 2s
routes:
  - /users/:name
  - /static/*
series-per-namespace: 500
log:
  level: debug
  max-bytes: 2GiB
`)
    t.strictSame(faults, [])
    t.strictSame(texts, {
      kafka: 'kafka-1:9092,kafka-2:9092',
      'kafka-tls': 'true',
      'kafka-partitions': '12',
      'kafka-sasl-mechanism': 'plain',
      'kafka-sasl-username': 'me',
      'kafka-sasl-password': '00123',
      redis: 'redis://redis:6379',
      flush: '2s',
      routes: '/users/:name,/static/*',
      'series-per-namespace': '500',
      'log-level': 'debug',
      'log-max-bytes': '2GiB',
    })
    t.equal(places['kafka-sasl-password'], 'm.yaml:9')
  },
)

t.test('an empty file, and one of comments, give nothing', async (t) => {
  t.strictSame(await read(''), { texts: {}, places: {}, faults: [] })
  t.strictSame(await read('# flush: 2s\n'), { texts: {}, places: {}, faults: [] })
})

const wrong: readonly (readonly [string, RegExp])[] = [
  ['flush: 2s\nflsh: 1s', /^m\.yaml:2: flsh is no setting; is flush meant\?$/],
  [
    'kafka:\n  sasl:\n    mechnism: plain',
    /^m\.yaml:3: kafka\.sasl\.mechnism is no setting; is kafka-sasl-mechanism /,
  ],
  ['kafka:\n  colour: red', /^m\.yaml:2: kafka\.colour is no setting$/],
  ['flush-file: x', /^m\.yaml:1: flush-file is no setting/],
  ['flush:\n  every: 1s', /^m\.yaml:1: flush is no setting|^m\.yaml:1: flush must have a value/],
  ['flush:', /^m\.yaml:1: flush must have a value/],
  ['routes: ["/a,b"]', /^m\.yaml:1: routes must have a value, or a list of them without commas$/],
  ['routes: [[a]]', /must have a value/],
  ['a: &x 1\nflush: *x', /flush must have a value/],
  ['kafka: k:1\nkafka-brokers: k:2', /^m\.yaml:2: kafka-brokers is given already, at m\.yaml:1$/],
  ['kafka-tls: on\nkafka: { tls: off }', /^m\.yaml:2: kafka\.tls is given already, at m\.yaml:1$/],
  ['flush: 1s\nflush: 2s', /^m\.yaml:2: is not YAML: Map keys must be unique/],
  ['a: [', /^m\.yaml:1: is not YAML: /],
  ['- flush', /^m\.yaml: must have settings as keys and values/],
  ['__proto__: 1', /^m\.yaml:1: __proto__ is no setting/],
]

t.test('what is no setting is refused with its line, and the name that was probably meant', async (t) => {
  for (const [yaml, want] of wrong) t.match((await read(yaml)).faults.join('\n'), want, yaml)
})

t.test('a bad value is named with its line', async (t) => {
  const file = await parseSettings('\nflush: 1\nredis: redis://u:hunter2@h:0', 'm.yaml', ALL_SETTINGS)
  const { faults, inForce } = resolve(ROLE_SETTINGS.aggregator, { flags: {}, environment: {}, file })
  const messages = faults.map(({ message }) => message)
  t.match(
    messages.find((message) => message.includes('flush')),
    /^m\.yaml:2: flush is "1": must be a duration/,
  )
  t.match(
    messages.find((message) => message.includes('redis://')),
    /^m\.yaml:3: redis is "redis:\/\/u:\*+@h:0": /,
  )
  t.strictSame(
    inForce.find(({ name }) => name === 'flush'),
    { name: 'flush', group: 'rollups', text: '1', origin: 'file', place: 'm.yaml:2' },
  )
})
