import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { RoleProcess } from './role-process.ts'

/** An ingest whose Kafka is not there, with a client that does not finish what it sends. */
async function busyIngest(t: Test): Promise<{ readonly ingest: RoleProcess; readonly client: Socket }> {
  const ingest = await RoleProcess.start('ingest', { kafka: '127.0.0.1:1', 'ingest-listen': '127.0.0.1:0' })
  t.teardown(() => ingest.stop('SIGKILL'))
  const { host, hostname, port } = new URL(ingest.url)
  const client = connect(Number(port), hostname)
  client.on('error', () => undefined)
  t.teardown(() => client.destroy())
  // The answer says that the request has been taken.
  client.write(
    `POST /v1/events HTTP/1.1\r\nhost: ${host}\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n`,
  )
  await once(client, 'data')
  return { ingest, client }
}

t.test('a role that is told to stop waits for its clients, but not long', async (t) => {
  const { ingest } = await busyIngest(t)
  const { code, ms } = await ingest.stop('SIGTERM')
  t.equal(code, 0)
  t.ok(ms < 5_000, `${ms} ms`)
})

t.test('told again, it ends at once', async (t) => {
  const { ingest, client } = await busyIngest(t)
  const { child } = ingest
  child.kill('SIGINT')
  // It no longer takes connections: the first signal has arrived.
  const { hostname, port } = new URL(ingest.url)
  for (let isListening = true; isListening;) {
    const probe = connect(Number(port), hostname)
    isListening = await Promise.race([
      once(probe, 'connect').then(() => true),
      once(probe, 'error').then(() => false),
    ]).catch(() => false)
    probe.destroy()
  }
  t.notOk(client.destroyed, 'its client is waited for')
  await ingest.stop('SIGINT')
  t.equal(child.signalCode, 'SIGINT')
})

t.test('what a role cannot start with ends it with one line', async (t) => {
  const first = await RoleProcess.start('exporter', {
    redis: 'redis://127.0.0.1:1',
    'metrics-listen': '127.0.0.1:0',
  })
  t.teardown(() => first.stop('SIGKILL'))
  const address = new URL(first.url).host
  const check = async (settings: Readonly<Record<string, string>>, want: RegExp) =>
    t.rejects(RoleProcess.start('exporter', settings), { message: want })
  await check(
    { redis: 'redis://127.0.0.1:1', 'metrics-listen': address },
    /ended with 1: (\{.*\n)*error: cannot listen on /,
  )
  await check({ redis: 'http://127.0.0.1' }, /ended with 2: error: MESHTAP_REDIS is "http:\/\/127.0.0.1": /)
  await check({}, /ended with 2: error: redis is required: /)
})
