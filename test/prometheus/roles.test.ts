import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { FAMILIES } from '../../src/exporter/families.ts'
import { freePort } from '../../stack/free-port.ts'
import { startKafka } from '../../stack/kafka.ts'
import { startPrometheus } from '../../stack/prometheus.ts'
import { startRedis } from '../../stack/redis.ts'
import { RoleProcess } from '../app/role-process.ts'
import { MeshTraffic } from './mesh-traffic.ts'
import { PrometheusApi } from './prometheus-api.ts'

t.setTimeout(180_000)

const TOTAL = `sum(${FAMILIES.requests.name}{direction="inbound"})`

t.test('counters only rise while a process of each kind is killed', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'meshtap-prometheus-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [kafka, redis] = await Promise.all([
    startKafka({ directory: join(directory, 'kafka'), isBrief: true }),
    startRedis({ directory: join(directory, 'redis') }),
  ])
  t.teardown(() => Promise.all([kafka.kill(), redis.kill()]))
  const servers = { kafka: kafka.brokers, redis: redis.url }
  const listen = async () => `127.0.0.1:${await freePort()}`
  const settings = {
    ingest: { kafka: kafka.brokers, 'ingest-listen': await listen() },
    exporter: { redis: redis.url, 'metrics-listen': await listen() },
    'aggregator-1': { ...servers, 'status-listen': await listen(), 'kafka-session-timeout': '6s' },
    'aggregator-2': { ...servers, 'status-listen': await listen(), 'kafka-session-timeout': '6s' },
  } as const
  type Name = keyof typeof settings
  const names = Object.keys(settings) as Name[]
  const start = (name: Name) => RoleProcess.start(name.replace(/-\d$/, ''), settings[name])
  const roles = new Map<Name, RoleProcess>()
  t.teardown(() => Promise.all([...roles.values()].map((role) => role.stop('SIGKILL'))))
  await Promise.all(names.map(async (name) => roles.set(name, await start(name))))

  const prometheus = await startPrometheus({
    directory: join(directory, 'prometheus'),
    config: JSON.stringify({
      global: { scrape_interval: '1s', scrape_timeout: '1s' },
      scrape_configs: [
        {
          job_name: 'meshtap',
          honor_labels: true,
          static_configs: [{ targets: [settings.exporter['metrics-listen']] }],
        },
      ],
    }),
  })
  t.teardown(() => prometheus.kill())
  const api = new PrometheusApi(prometheus.url)
  const traffic = new MeshTraffic(`http://${settings.ingest['ingest-listen']}`)
  t.teardown(() => traffic.stop())
  traffic.start()
  const rises = async () => {
    const before = await api.value(`max_over_time((${TOTAL})[5m:1s])`)
    await api.until(`${TOTAL} > ${before}`, (results) => results.length > 0)
  }
  await rises()

  for (const name of names.filter((name) => name !== 'aggregator-2')) {
    await t.test(`${name} is killed`, async () => {
      await roles.get(name)?.stop('SIGKILL')
      roles.set(name, await start(name))
      await rises()
    })
  }
  for (const [name, server] of [
    ['Kafka', kafka],
    ['Redis', redis],
  ] as const) {
    await t.test(`${name} is killed`, async () => {
      await server.kill()
      await server.start()
      await rises()
    })
  }

  await traffic.stop()
  const sent = [...traffic.received.values()].reduce((sum, { requests }) => sum + requests, 0)
  await api.until(`${TOTAL} == ${sent}`, (results) => results.length > 0)
  for (const { name, type } of Object.values(FAMILIES)) {
    if (type === 'gauge') continue
    const metric = type === 'counter' ? name : `${name}_count`
    t.ok((await api.value(`count(count_over_time(${metric}[10m]))`)) > 0, `there is ${metric}`)
    t.equal(await api.value(`sum(resets(${metric}[10m]))`), 0, `${metric} never fell`)
  }
})
