/**
 * From exec of an aggregator to its first commit, with Kafka and Redis up and records to read, on an empty store and in a
 * new group each time; and what the group's join takes of it, as Kafka tells.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'
import { fill, RECORD_KINDS } from './backlog.ts'
import { quantile, report } from './figure.ts'
import { Stand } from './stand.ts'

const TOPIC = 'mesh.requests'
const PARTITIONS = 8
const RUNS = 6
const POLL_MS = 2

await Stand.use({ partitions: PARTITIONS }, async (stand) => {
  await fill(stand.log, TOPIC, {
    kind: RECORD_KINDS.eventBatch,
    partitions: PARTITIONS,
    events: 100_000,
    startMs: Date.now() - 10_000,
    spanMs: 5_000,
    templates: 2,
  })
  const admin = new Kafka({ brokers: [stand.kafka.brokers], logLevel: logLevel.NOTHING }).admin()
  const redis = new Redis(stand.redis.url)
  await admin.connect()
  const committed: number[] = []
  const joined: number[] = []
  try {
    for (let run = 0; run < RUNS; run++) {
      await redis.flushall()
      const group = `cold-${run}`
      const aggregator = await stand.role('aggregator', { 'kafka-group': group })
      const start = performance.now()
      aggregator.start()
      const [commitMs, joinMs] = await Promise.all([untilCommit(start), joinOf(group)])
      await aggregator.kill('SIGTERM')
      // The first run fills Node's compile cache.
      if (run === 0) continue
      committed.push(commitMs)
      joined.push(joinMs)
    }
  } finally {
    redis.disconnect()
    await admin.disconnect()
  }
  const beyond = committed.map((ms, i) => ms - joined[i]!)
  const what = 'cold start: aggregator, exec to first commit'
  report({ figure: `${what}, median`, value: quantile(committed, 0.5), unit: 'ms' })
  report({ figure: 'cold start: join of the group, median', value: quantile(joined, 0.5), unit: 'ms' })
  report({
    figure: `${what}, without the join, median`,
    value: quantile(beyond, 0.5),
    unit: 'ms',
    bar: '<= 1000',
  })
  report({ figure: `${what}, without the join, slowest`, value: Math.max(...beyond), unit: 'ms' })

  async function untilCommit(start: number): Promise<number> {
    for (; ; await sleep(POLL_MS)) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const snapshot = await stand.store.read(`${TOPIC}-${partition}`, () => [])
        if ((snapshot?.meta.offset ?? 0) > 0) return performance.now() - start
      }
    }
  }

  /** From when the group has a member to when that one has its partitions. */
  async function joinOf(group: string): Promise<number> {
    let start = Number.NaN
    for (; ; await sleep(POLL_MS)) {
      const { groups } = await admin.describeGroups([group])
      const { state = '', members = [] } = groups[0] ?? {}
      if (Number.isNaN(start) && (members.length > 0 || state.endsWith('Rebalance')))
        start = performance.now()
      if (state === 'Stable') return Number.isNaN(start) ? 0 : performance.now() - start
    }
  }
})
