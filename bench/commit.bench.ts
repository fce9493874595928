/**
 * What a commit asks of Redis: commands over the store's connection, each of which is a round trip, as the server's own
 * monitor tells them from those within scripts. What commits cost and write is in `redis-store.bench.ts`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { partitionId } from '../src/log/event-log.ts'
import { parseRedisUrl } from '../src/redis/redis-url.ts'
import { RedisRollupStore } from '../src/store/redis/redis-rollup-store.ts'
import type { BlobWrite } from '../src/store/rollup-store.ts'
import { startRedis } from '../stack/redis.ts'
import { report } from './figure.ts'

const COMMITS = 200
const BUCKETS = 4
const SCOPES = 50
const BLOB = new Uint8Array(2000).fill(7)

const directory = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
const server = await startRedis({ directory })
try {
  const redis = new Redis(server.url)
  const monitor = await redis.monitor()
  const store = await RedisRollupStore.open({ redis: parseRedisUrl(server.url) })
  const partition = partitionId('mesh.requests', 0)
  const { epoch } = await store.claim(partition)
  let offset = 0
  const commit = async () => {
    const writes = Array.from({ length: BUCKETS * SCOPES }, (_, i): BlobWrite => ({
      address: { kind: 'stat', tier: '10s', startMs: 10_000 * (i % BUCKETS) },
      scope: `east/namespace-${Math.floor(i / BUCKETS)}`,
      blob: BLOB,
    }))
    const meta = {
      offset: offset + 1,
      watermarkMs: 0,
      closedThroughMs: 0,
      openMs: [],
      producers: new Uint8Array(),
      counters: {},
    }
    const outcome = await store.commit({
      partition,
      epoch,
      expectedOffset: offset++,
      meta,
      writes,
      expiries: [],
    })
    if (outcome.kind !== 'committed') throw new Error(`a commit was refused: ${outcome.kind}`)
  }
  let commands = 0
  let within = 0
  let heard = (_text: string): void => undefined
  monitor.on('monitor', (_: string, [command, ...args]: string[], source: string) => {
    if (command === 'echo') heard(args[0]!)
    else if (source === 'lua') within++
    // Not that of the partitions' list, which is renewed every five seconds.
    else if (args.some((key) => key.includes(`{${partition}}`))) commands++
  })
  /** Resolves when the monitor has told of all that was done. */
  const told = async (text: string): Promise<void> => {
    const echoed = new Promise<void>((resolve) => (heard = (said) => said === text && resolve()))
    await redis.echo(text)
    await echoed
  }
  // The first one sends the script.
  await commit()
  await told('begin')
  commands = within = 0
  for (let i = 0; i < COMMITS; i++) await commit()
  await told('end')
  const what = `commit: ${BUCKETS * SCOPES} blobs`
  report({ figure: `${what}, round trips`, value: commands / COMMITS, unit: 'a commit', bar: '<= 1' })
  report({ figure: `${what}, commands within its script`, value: within / COMMITS, unit: 'a commit' })
  await store.close()
  monitor.disconnect()
  redis.disconnect()
} finally {
  await server.kill()
  rmSync(directory, { recursive: true, force: true })
}
