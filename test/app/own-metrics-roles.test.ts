import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import t from 'tap'
import { KafkaEventLog } from '../../src/log/kafka/kafka-event-log.ts'
import { parseRedisUrl } from '../../src/redis/redis-url.ts'
import { RedisRollupStore } from '../../src/store/redis/redis-rollup-store.ts'
import type { RoleName } from '../../src/telemetry/own-family.ts'
import { freePort } from '../../stack/free-port.ts'
import { startKafka } from '../../stack/kafka.ts'
import { startRedis } from '../../stack/redis.ts'
import { OwnExposition } from '../telemetry/own-exposition.ts'
import { RoleProcess } from './role-process.ts'

t.setTimeout(180_000)

const PARTITION = 'mesh.requests-0'
const EVENTS = 40

async function exposed(role: RoleProcess): Promise<OwnExposition> {
  const { status, body } = await role.ask('/metrics')
  if (status !== 200) throw new Error(`/metrics: ${status} ${JSON.stringify(body)}`)
  return new OwnExposition(body as string)
}

/** What a role exposes, once a value is as wanted. Rejects after a while. */
async function once(
  role: RoleProcess,
  name: string,
  isWanted: (value: number) => boolean,
  labels: Readonly<Record<string, string>> = {},
): Promise<OwnExposition> {
  const { body } = await role.until('/metrics', ({ body }) =>
    isWanted(new OwnExposition(body as string).value(name, labels) ?? -1),
  )
  return new OwnExposition(body as string)
}

t.test('every role tells of itself, whatever of Kafka and Redis is away', async (t) => {
  const directory = await mkdtemp(`${tmpdir()}/meshtap-metrics-`)
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const [kafkaPort, redisPort] = [await freePort(), await freePort()]
  const kafka = `127.0.0.1:${kafkaPort}`
  const redis = `redis://127.0.0.1:${redisPort}`
  const any = '127.0.0.1:0'
  const [ingest, gateway, exporter, aggregator] = await Promise.all([
    RoleProcess.start('ingest', { kafka, 'ingest-listen': any, 'kafka-partitions': '1' }),
    RoleProcess.start('gateway', { redis, listen: any }),
    RoleProcess.start('exporter', { redis, 'metrics-listen': any }),
    RoleProcess.start('aggregator', {
      kafka,
      redis,
      'status-listen': any,
      flush: '100ms',
      'kafka-partitions': '1',
    }),
  ])
  const roles: Readonly<Record<Exclude<RoleName, 'serve'>, RoleProcess>> = {
    ingest,
    gateway,
    exporter,
    aggregator,
  }
  t.teardown(() => Promise.all(Object.values(roles).map((role) => role.stop('SIGKILL'))))
  const allAreRight = async () => {
    for (const [name, role] of Object.entries(roles)) {
      const now = await exposed(role)
      t.strictSame(now.differences(name as RoleName), [], name)
      t.equal(now.value('meshtap_build_info', { role: name }), 1)
    }
  }

  await t.test('before they are there', async (t) => {
    await allAreRight()
    t.equal((await exposed(exporter)).value('meshtap_exporter_mesh_up'), 0)
    t.equal((await exposed(exporter)).value('meshtap_store_connected'), 0)
    t.equal((await exposed(ingest)).value('meshtap_log_connected'), 0)
    const body = JSON.stringify([{ destination: { name: 'web' } }])
    const headers = { 'content-type': 'application/json' }
    await gateway.ask('/api/v1/stat?resource=deployment')
    const now = await exposed(gateway)
    t.ok((now.value('meshtap_store_errors_total', { code: 'STORE_UNAVAILABLE' }) ?? 0) > 0)
    t.equal(now.value('meshtap_http_problems_total', { reason: 'STORE_UNAVAILABLE' }), 1)
    await ingest.ask('/v1/events', { method: 'POST', headers, body })
    const taken = await exposed(ingest)
    const refused = taken.value('meshtap_http_problems_total', { server: 'ingest' })
    t.equal(refused, 1)
  })

  const redisServer = await startRedis({ directory: `${directory}/redis`, port: redisPort })
  t.teardown(() => redisServer.kill())
  const kafkaServer = await startKafka({ directory: `${directory}/kafka`, port: kafkaPort })
  t.teardown(() => kafkaServer.kill())
  await Promise.all(Object.values(roles).map((role) => role.until('/readyz', ({ status }) => status === 200)))

  await t.test('of what went through them', async (t) => {
    const events = Array.from({ length: EVENTS }, () => ({
      kind: 'request',
      time: Date.now(),
      direction: 'inbound',
      destination: { namespace: 'emojivoto', kind: 'deployment', name: 'web', pod: 'web-1' },
      method: 'GET',
      path: '/',
      status: 200,
      latencyMicros: 1000,
    }))
    const headers = { 'content-type': 'application/json' }
    const { status } = await ingest.ask('/v1/events', {
      method: 'POST',
      headers,
      body: JSON.stringify(events),
    })
    t.equal(status, 200)
    const log = await KafkaEventLog.open({
      connection: { brokers: [kafka], clientId: 'test' },
      group: 'test',
      topics: { partitions: 1, replicas: 1, retentionMs: 3_600_000 },
      maxRecordBytes: 1_000_000,
      compression: 'none',
      lingerMs: 0,
      sessionTimeoutMs: 10_000,
      onTrouble: () => undefined,
    })
    const value = Buffer.from('{')
    await log.append('mesh.requests', [{ value, headers: { 'content-type': 'application/json' } }])
    await log.close()

    const folded = await once(aggregator, 'meshtap_aggregator_dead_letters_total', (count) => count >= 1)
    t.equal(
      folded.value('meshtap_aggregator_events_total', { partition: PARTITION, event: 'request' }),
      EVENTS,
    )
    t.equal(folded.value('meshtap_aggregator_lag_records'), 0)
    t.equal(folded.value('meshtap_log_append_duration_seconds_count'), 1, 'the dead letter')
    t.equal(folded.value('meshtap_store_connected'), 1)
    t.equal(folded.value('meshtap_log_connected'), 1)
    const taken = await exposed(ingest)
    t.equal(taken.value('meshtap_ingest_events_total', { transport: 'http' }), EVENTS)
    t.ok(taken.value('meshtap_kafka_produce_requests_total')! > 0)
    const scraped = await once(exporter, 'meshtap_partition_offset', (offset) => offset >= 2)
    t.equal(scraped.value('meshtap_exporter_mesh_up'), 1)
    t.ok(scraped.families.has('request_total'))
    t.ok(scraped.value('meshtap_exporter_scrapes_total', { outcome: 'own' })! > 0)
    await allAreRight()
  })

  await t.test('of a commit that was refused because another claimed the partition', async (t) => {
    const other = await RedisRollupStore.open({ redis: parseRedisUrl(redis) })
    await other.claim(PARTITION)
    await other.close()
    // An idle partition commits every 5 s.
    const refused = await once(
      aggregator,
      'meshtap_aggregator_refused_commits_total',
      (count) => count >= 1,
      {
        reason: 'stale-epoch',
      },
    )
    t.equal(refused.value('meshtap_aggregator_refused_commits_total', { reason: 'store-moved' }), 0)
    t.ok(refused.value('meshtap_troubles_total', { kind: 'partition-stale-epoch' })! > 0)
  })

  await t.test('while Redis is away, the mesh is missing and the rest is there', async (t) => {
    await redisServer.stop()
    const alone = await once(exporter, 'meshtap_exporter_mesh_up', (isUp) => isUp === 0)
    t.notOk(alone.families.has('request_total'), 'nothing that looks like data')
    t.notOk(alone.families.has('meshtap_exporter_series'))
    t.equal(alone.value('meshtap_store_connected'), 0)
    t.ok(alone.value('meshtap_store_errors_total', { code: 'STORE_UNAVAILABLE' })! > 0)
    t.ok(alone.families.has('process_resident_memory_bytes'))
    await allAreRight()
    await redisServer.start()
    const back = await once(exporter, 'meshtap_exporter_mesh_up', (isUp) => isUp === 1)
    t.ok(back.value('meshtap_store_reconnects_total')! > 0)
  })
})
