import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import { Reporter } from '../../src/reporter/reporter.ts'
import type { StatAnswer, TapAnswer } from '../../src/query/answer.ts'
import { freePort } from '../../stack/free-port.ts'
import { startKafka } from '../../stack/kafka.ts'
import { startRedis } from '../../stack/redis.ts'
import { random } from '../random.ts'
import { type Answer, RoleProcess } from './role-process.ts'

t.setTimeout(120_000)

const NAMESPACE = 'emojivoto'
const WORKLOADS = ['web', 'emoji', 'voting']
const PROXIES = 40
const JSON_HEADERS = { 'content-type': 'application/json' }

/** By workload. */
type Totals = Record<string, { requests: number; failures: number }>

/** Makes events of the last seconds, and counts them itself. */
class Traffic {
  readonly truth: Totals = Object.fromEntries(WORKLOADS.map((name) => [name, { requests: 0, failures: 0 }]))
  readonly #next = random(71)
  #made = 0

  events(count: number) {
    return Array.from({ length: count }, () => {
      const name = WORKLOADS[Math.floor(this.#next() * WORKLOADS.length)]!
      const status = this.#next() < 0.1 ? 503 : 200
      const total = this.truth[name]!
      total.requests++
      if (status === 503) total.failures++
      return {
        kind: 'request',
        timeMs: Date.now() - 1000,
        direction: 'inbound',
        proxy: `proxy-${this.#made++ % PROXIES}`,
        destination: { namespace: NAMESPACE, kind: 'deployment', name, pod: `${name}-1` },
        method: 'GET',
        path: `/${name}`,
        status,
        latencyMicros: 1 + Math.floor(this.#next() * 100_000),
      } as const
    })
  }

  get requests(): number {
    return Object.values(this.truth).reduce((sum, { requests }) => sum + requests, 0)
  }
}

function post(ingest: RoleProcess, events: ReturnType<Traffic['events']>): Promise<Answer> {
  const body = JSON.stringify(events.map(({ timeMs, ...event }) => ({ time: timeMs, ...event })))
  return ingest.ask('/v1/events', { method: 'POST', headers: JSON_HEADERS, body })
}

const STAT = `/api/v1/stat?resource=deployment&namespace=${NAMESPACE}&window=10m`

function totalsOf({ body }: Answer): Totals {
  const { rows } = body as StatAnswer
  return Object.fromEntries(rows.map(({ name, requests, failures }) => [name, { requests, failures }]))
}

/** The gateway's totals, once they are as many as there should be. */
async function totals(gateway: RoleProcess, traffic: Traffic): Promise<Totals> {
  const sum = (answer: Answer) =>
    Object.values(totalsOf(answer)).reduce((sum, { requests }) => sum + requests, 0)
  return totalsOf(
    await gateway.until(STAT, (answer) => answer.status === 200 && sum(answer) >= traffic.requests),
  )
}

/** Opens a tap. Resolves, to a promise that resolves once it has shown an event of every proxy. */
async function tapAll(t: Test, gateway: RoleProcess): Promise<{ readonly all: Promise<number> }> {
  const response = await fetch(`${gateway.url}/api/v1/tap?resource=namespace/${NAMESPACE}&max_rps=5000`)
  t.equal(response.status, 200)
  const proxies = new Set<unknown>()
  const read = async () => {
    let rest = ''
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        for (const { proxy } of (JSON.parse(line) as TapAnswer).events) proxies.add(proxy)
      }
      if (proxies.size === PROXIES) break
    }
    return proxies.size
  }
  return { all: read() }
}

t.test('roles of their own give exact answers, whatever of Kafka and Redis is away', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/meshtap-roles-`)
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [kafkaPort, redisPort] = [await freePort(), await freePort()]
  const kafka = `127.0.0.1:${kafkaPort}`
  const redis = `redis://127.0.0.1:${redisPort}`
  const any = '127.0.0.1:0'
  const aggregator = { kafka, redis, 'status-listen': any, flush: '200ms', 'kafka-session-timeout': '6s' }
  const roles = await Promise.all([
    RoleProcess.start('ingest', { kafka, 'ingest-listen': any }),
    RoleProcess.start('gateway', { redis, listen: any }),
    RoleProcess.start('exporter', { redis, 'metrics-listen': any }),
    RoleProcess.start('aggregator', aggregator),
    RoleProcess.start('aggregator', aggregator),
  ])
  const [ingest, gateway, exporter, ...aggregators] = roles
  t.teardown(() => Promise.all(roles.map((role) => role.stop('SIGKILL'))))
  const traffic = new Traffic()

  await t.test('before Kafka and Redis are there they live, are not ready, and say why', async (t) => {
    for (const role of roles) {
      t.equal((await role.ask('/livez')).status, 200)
      const { status, body } = await role.ask('/readyz')
      t.equal(status, 503)
      t.match(body, {
        code: 'NOT_READY',
        detail: /Kafka does not answer|Redis does not answer|not claimed yet/,
      })
    }
    const refused = await post(ingest, [])
    t.equal(refused.status, 200, 'nothing is taken of nothing')
    t.match(await gateway.ask(STAT), { status: 503, retryAfter: '1', body: { code: 'STORE_UNAVAILABLE' } })
    t.match(await exporter.ask('/metrics'), { status: 200, body: /^meshtap_exporter_mesh_up\{\} 0$/m })
  })

  const redisServer = await startRedis({ directory: `${directory}/redis`, port: redisPort })
  t.teardown(() => redisServer.kill())
  const kafkaServer = await startKafka({ directory: `${directory}/kafka`, port: kafkaPort })
  t.teardown(() => kafkaServer.kill())

  await t.test('when they are there, all become ready', async (t) => {
    await Promise.all(roles.map((role) => role.until('/readyz', ({ status }) => status === 200)))
    t.pass()
  })

  await t.test(
    'what is pushed in JSON and in numbered batches is counted exactly, and seen by a tap',
    async (t) => {
      const tapped = await tapAll(t, gateway)
      for (let i = 0; i < 5; i++) t.equal((await post(ingest, traffic.events(200))).status, 200)
      const reporter = new Reporter({ ingestUrl: ingest.url, batchEvents: 100 })
      for (const event of traffic.events(1000)) reporter.report(event)
      await reporter.close()
      t.equal(reporter.stats.sent, 1000)
      t.strictSame(await totals(gateway, traffic), traffic.truth)
      // Aggregators look for taps once in a while: what they do not see yet, they see later.
      const more = setInterval(() => void post(ingest, traffic.events(PROXIES)), 200)
      const seen = await tapped.all.finally(() => clearInterval(more))
      t.equal(seen, PROXIES, 'of every proxy, whichever aggregator has its partition')
      t.match(
        (await exporter.ask('/metrics')).body,
        /^meshtap_partition_offset\{partition="mesh.requests-0"\} \d/m,
      )
    },
  )

  await t.test('while Redis is away the gateway says so, and ingest goes on', async (t) => {
    await redisServer.stop()
    t.match(await gateway.until(STAT, ({ status }) => status === 503), {
      retryAfter: '1',
      body: { code: 'STORE_UNAVAILABLE', detail: /^the store of the rollups does not answer: / },
    })
    t.equal((await post(ingest, traffic.events(200))).status, 200)
    await Promise.all(aggregators.map((one) => one.until('/readyz', ({ status }) => status === 503)))
    t.equal((await ingest.ask('/readyz')).status, 200)
    await redisServer.start()
    t.strictSame(await totals(gateway, traffic), traffic.truth)
  })

  await t.test('while Kafka is away ingest refuses, and the gateway goes on', async (t) => {
    await kafkaServer.stop()
    const before = structuredClone(traffic.truth)
    t.match(await post(ingest, new Traffic().events(10)), {
      status: 503,
      retryAfter: /^\d+$/,
      body: { code: 'LOG_UNAVAILABLE', detail: /^the log does not take events now/ },
    })
    t.match((await ingest.until('/readyz', ({ status }) => status === 503)).body, {
      detail: /^Kafka does not answer: /,
    })
    t.strictSame(totalsOf(await gateway.ask(STAT)), before)
    await kafkaServer.start()
    await ingest.until('/readyz', ({ status }) => status === 200)
    t.equal((await post(ingest, traffic.events(200))).status, 200)
    t.strictSame(await totals(gateway, traffic), traffic.truth)
  })

  await t.test('told to stop, each does within 5 s, and another one goes on', async (t) => {
    const [first] = aggregators
    t.match(await first.stop('SIGTERM'), { code: 0 })
    t.equal((await post(ingest, traffic.events(200))).status, 200)
    // The group gave its partitions away at once, without waiting for the session's end.
    t.strictSame(await totals(gateway, traffic), traffic.truth)
    for (const role of roles) {
      const { code, ms } = await role.stop('SIGTERM')
      t.equal(code, 0)
      t.ok(ms < 5_000, `${ms} ms`)
    }
  })

  await t.test('what they log is JSON with the role, and not much', async (t) => {
    for (const role of roles) {
      const lines = role.log.split('\n').filter((line) => line.startsWith('{'))
      t.ok(lines.length < 60, `${lines.length} lines`)
      for (const line of lines) t.match(JSON.parse(line), { role: String, msg: String })
    }
  })
})
