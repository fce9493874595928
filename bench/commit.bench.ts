/**
 * What a commit asks of Redis: commands over the store's connection, each of which is a round trip, while an aggregator
 * folds a steady 20,000 events a second. What commits cost and write is in `redis-store.bench.ts`.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { fill, RECORD_KINDS } from './backlog.ts'
import { report } from './figure.ts'
import { Stand } from './stand.ts'

const TOPIC = 'mesh.requests'
const PARTITIONS = 8
const EVENTS_A_SECOND = 20_000
/** Until each script was sent once. */
const WARM_UP_SECONDS = 3
const SECONDS = 8

await Stand.use({ partitions: PARTITIONS }, async (stand) => {
  const redis = new Redis(stand.redis.url)
  const monitor = await redis.monitor()
  try {
    const aggregator = await stand.role('aggregator')
    aggregator.start()
    await aggregator.ready()
    const sources = addressesOf(String(await redis.call('CLIENT', 'LIST')), 'meshtap-store')
    let scripts = 0
    let others = 0
    let commits = 0
    let isCounted = false
    monitor.on('monitor', (_: string, [command = '', key = '', field]: string[], source: string) => {
      if (!isCounted) return
      const name = command.toLowerCase()
      if (sources.has(source) && name.startsWith('eval')) scripts++
      else if (sources.has(source)) others++
      // A commit's script gives the partition a version.
      else if (name === 'hset' && key.endsWith(':meta') && field === 'version') commits++
    })
    const startMs = Date.now()
    for (let second = 0; second < WARM_UP_SECONDS + SECONDS; second++) {
      isCounted = second >= WARM_UP_SECONDS
      await fill(stand.log, TOPIC, {
        kind: RECORD_KINDS.eventBatch,
        partitions: PARTITIONS,
        events: EVENTS_A_SECOND,
        startMs: startMs + second * 1000,
        spanMs: 1000,
        templates: 1,
      })
      await sleep(Math.max(0, startMs + (second + 1) * 1000 - Date.now()))
    }
    isCounted = false
    if (commits === 0) throw new Error('nothing was committed')
    report({
      figure: 'commit: round trips to Redis',
      value: scripts / commits,
      unit: 'a commit',
      bar: '<= 1',
    })
    report({
      figure: 'commit: of an aggregator of 8 partitions',
      value: commits / SECONDS,
      unit: 'commits/s',
    })
  } finally {
    monitor.disconnect()
    redis.disconnect()
  }
})

function addressesOf(clients: string, name: string): ReadonlySet<string> {
  const named = clients.split('\n').filter((line) => line.includes(` name=${name} `))
  return new Set(named.map((line) => / addr=(\S+)/.exec(line)?.[1] ?? ''))
}
