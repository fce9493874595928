import t from 'tap'
import { runInProcess } from './in-process.ts'

const KAFKA = ['--kafka', 'kafka:9092']

t.test('the settings of a role are printed with where they come from, secrets masked', async (t) => {
  const config = `${t.testdir({ 'm.yaml': 'flush: 2s\nkafka:\n  partitions: 3\n' })}/m.yaml`
  const flags = [...KAFKA, '--redis', 'redis://me:hunter2@redis', '--config', config]
  const { code, stdout, stderr } = await runInProcess(['config', 'aggregator', ...flags])
  t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  const rows = new Map(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/))
      .map(([name, ...rest]) => [name, rest.join(' ')]),
  )
  t.equal(rows.get('SETTING'), 'VALUE FROM')
  t.equal(rows.get('kafka'), 'kafka:9092 --kafka')
  t.equal(rows.get('redis'), 'redis://me:********@redis --redis')
  t.equal(rows.get('flush'), `2s ${config}:1`)
  t.equal(rows.get('kafka-partitions'), `3 ${config}:3`)
  t.equal(rows.get('kafka-tls'), 'off default')
  t.equal(rows.get('kafka-tls-ca'), '- nowhere')
})

t.test('as JSON they are an array', async (t) => {
  const { code, stdout } = await runInProcess(['config', 'ingest', ...KAFKA, '-o', 'json', '--kafka-tls'])
  t.equal(code, 0)
  const settings = JSON.parse(stdout) as { name: string }[]
  t.strictSame(
    settings.find(({ name }) => name === 'kafka-tls'),
    { name: 'kafka-tls', group: 'kafka', text: 'on', origin: 'flag', place: '--kafka-tls' },
  )
})

t.test('what is wrong is said after what is in force, with the code of a usage error', async (t) => {
  const { code, stdout, stderr } = await runInProcess(['config', 'gateway', '--listen', 'here'])
  t.equal(code, 2)
  t.match(stdout, /^listen +here +--listen$/m)
  t.match(stderr, /^error: settings are wrong:\n/)
  t.match(stderr, /\n {2}--listen is "here": must be an address/)
  t.match(stderr, /\n {2}redis is required: /)
})

t.test('without a role the settings of all are printed, and none is missing', async (t) => {
  const { code, stdout, stderr } = await runInProcess(['config'])
  t.strictSame({ code, stderr }, { code: 0, stderr: '' })
  for (const name of ['listen', 'kafka', 'redis', 'data', 'gateway'])
    t.match(stdout, new RegExp(`^${name} `, 'm'))
})

t.test('a role that is no role is a usage error', async (t) => {
  t.equal((await runInProcess(['config', 'nonsense'])).code, 2)
})

t.test('tokens of commands are masked, and so is what may be one in a URL', async (t) => {
  const file = `${t.testdir({ token: 'hunter2' })}/token`
  const flags = ['--token', 'hunter2', '--ingest-token-file', file, '--gateway', 'http://hunter2@localhost']
  const { stdout, stderr } = await runInProcess(['config', ...flags])
  t.notMatch(stdout + stderr, 'hunter2')
  t.match(stdout, /^token +\*{8} +--token$/m)
  t.match(stdout, /^ingest-token +\*{8} +--ingest-token-file$/m)
  t.match(stdout, /^gateway +http:\/\/\*{8}@localhost +--gateway$/m)
})
