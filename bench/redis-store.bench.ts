/**
 * The rollup store on a Redis of this machine: what a commit of one partition with 10,000 live series costs, what a
 * series takes in memory, and what reading 8 partitions costs when nothing is known, when nothing is new, and when a
 * second has passed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { PartitionProcessor } from '../src/aggregator/partition-processor.ts'
import { CONTENT_TYPES } from '../src/event/content-type.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { encodeEventBatch } from '../src/event/event-batch-encoder.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { type PartitionId, partitionId } from '../src/log/event-log.ts'
import { parseRedisUrl } from '../src/redis/redis-url.ts'
import { DEFAULT_SERIES_LIMITS } from '../src/rollup/rollup.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { decodeStatBlock } from '../src/rollup/stat-block-codec.ts'
import { bucketStart, TIERS } from '../src/rollup/tier.ts'
import { DEFAULT_TOP_LIMITS } from '../src/rollup/top-rollup.ts'
import { RedisRollupStore } from '../src/store/redis/redis-rollup-store.ts'
import type {
  BlobAddress,
  BlobRead,
  BucketAddress,
  CommitOutcome,
  RollupStore,
} from '../src/store/rollup-store.ts'
import { startRedis } from '../stack/redis.ts'
import { quantile, report } from './figure.ts'
import { traffic } from './traffic.ts'

const SERIES = 10_000
const EVENTS_A_SECOND = 20_000
const BATCH = 5000
const SECONDS = 90
const PARTITION = partitionId('mesh.requests', 0)
/** In the future, so that nothing expires while this runs. */
const START_MS = bucketStart(TIERS[2], Date.now() + 3_600_000)

const directory = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
const server = await startRedis({ directory })
const own = new Redis(server.url)
const store = await RedisRollupStore.open({ redis: parseRedisUrl(server.url) })
try {
  await commits()
  await reads(store)
} finally {
  await store.close()
  own.disconnect()
  await server.kill()
  rmSync(directory, { recursive: true })
}

async function commits(): Promise<void> {
  let nowMs = START_MS
  const commitMs: number[] = []
  const timed: RollupStore = {
    claim: (partition) => store.claim(partition),
    partitions: () => store.partitions(),
    read: (partition, plan) => store.read(partition, plan),
    close: () => store.close(),
    commit: async (commit): Promise<CommitOutcome> => {
      const start = performance.now()
      const outcome = await store.commit(commit)
      commitMs.push(performance.now() - start)
      return outcome
    },
  }
  const processor = await PartitionProcessor.claim({
    partition: PARTITION,
    store: timed,
    now: () => nowMs,
    limits: { series: DEFAULT_SERIES_LIMITS, top: DEFAULT_TOP_LIMITS, rules: {} },
    flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
    setAside: async () => undefined,
  })
  const source = traffic({ series: SERIES, seed: 7, startMs: 0 })
  const bytes: number[] = []
  const blobs: number[] = []
  let offset = 0
  for (let second = 0; second < SECONDS; second++) {
    for (let at = 0; at < EVENTS_A_SECOND; at += BATCH) {
      const columns = new EventColumns(new Dictionary())
      for (let i = at; i < at + BATCH; i++) {
        const timeMs = START_MS + second * 1000 + Math.floor((i / EVENTS_A_SECOND) * 1000)
        addEvent(columns, { ...source.next().value, timeMs })
      }
      const value = encodeEventBatch(columns)
      const headers = { 'content-type': CONTENT_TYPES.eventBatch }
      processor.process([{ offset, value, headers, timestampMs: nowMs }], offset + 1)
      offset++
    }
    nowMs = START_MS + (second + 1) * 1000
    const { writtenBytes, writtenBlobs } = store.stats
    const outcome = await processor.commit()
    if (outcome.kind !== 'committed') throw new Error(`a commit was refused: ${outcome.kind}`)
    bytes.push(store.stats.writtenBytes - writtenBytes)
    blobs.push(store.stats.writtenBlobs - writtenBlobs)
  }
  const what = `redis: commit, ${SERIES} live series, ${EVENTS_A_SECOND} events/s`
  report({ figure: `${what}: median`, value: quantile(commitMs, 0.5), unit: 'ms' })
  report({ figure: `${what}: closing a bucket, median`, value: quantile(closing(commitMs), 0.5), unit: 'ms' })
  const [, usec] = /cmdstat_evalsha:.*usec_per_call=([\d.]+)/.exec(await own.info('commandstats'))!
  report({ figure: `${what}: in the server, mean`, value: Number(usec) / 1000, unit: 'ms' })
  report({ figure: `${what}: written, median`, value: quantile(bytes, 0.5) / 2 ** 20, unit: 'MiB' })
  const written = bytes.reduce((a, b) => a + b) / 2 ** 20
  report({ figure: `${what}: written a second`, value: written / SECONDS, unit: 'MiB/s' })
  report({ figure: `${what}: blobs, median`, value: quantile(blobs, 0.5), unit: 'blobs' })

  for (const tier of TIERS) {
    const address: BucketAddress = { kind: 'stat', tier: tier.name, startMs: START_MS }
    const { series, requests } = await contentOf(address)
    const stat = await memoryOf(`stat:${tier.name}:${START_MS}`)
    const top = await memoryOf(`top:${tier.name}:${START_MS}`)
    report({
      figure: `redis: memory of a series in a ${tier.name} bucket, ${Math.round(requests / series)} requests each`,
      value: (stat + top) / series,
      unit: 'bytes',
    })
  }
  const { series } = await contentOf({ kind: 'total' })
  report({
    figure: 'redis: memory of a series in the totals',
    value: (await memoryOf('total')) / series,
    unit: 'bytes',
  })
}

async function memoryOf(name: string): Promise<number> {
  return Number(await own.call('MEMORY', 'USAGE', `mt:{${PARTITION}}:${name}`, 'SAMPLES', 0))
}

async function contentOf(address: BlobAddress): Promise<{ series: number; requests: number }> {
  const snapshot = await store.read(PARTITION, () => [{ address }])
  const blocks = snapshot!.blobs.map(({ blob }) => decodeStatBlock(blob))
  return {
    series: blocks.reduce((sum, block) => sum + block.keys.length, 0),
    requests: blocks.reduce((sum, block) => sum + block.outcomeCount.reduce((a, b) => a + b, 0), 0),
  }
}

/** The slowest tenth. */
function closing(sample: readonly number[]): number[] {
  return sample.toSorted((a, b) => b - a).slice(0, Math.floor(sample.length / 10))
}

async function reads(store: RollupStore): Promise<void> {
  const partitions = Array.from({ length: 8 }, (_, i) => partitionId('read', i))
  const blob = new Uint8Array(2000).fill(7)
  for (const [buckets, scopes] of [
    [6, 1],
    [6, 50],
    [40, 50],
  ] as const) {
    await own.flushdb()
    const addresses = Array.from({ length: buckets }, (_, i): BucketAddress => ({
      kind: 'stat',
      tier: '10s',
      startMs: START_MS + i * 10_000,
    }))
    const names = Array.from({ length: scopes }, (_, i) => `east/namespace-${i}`)
    const epochs = new Map<PartitionId, number>()
    for (const partition of partitions) epochs.set(partition, (await store.claim(partition)).epoch)
    let offset = 0
    /** Writes these buckets of all partitions. */
    const write = async (written: readonly BucketAddress[]) => {
      for (const partition of partitions) {
        await store.commit({
          partition,
          epoch: epochs.get(partition)!,
          expectedOffset: offset,
          meta: {
            offset: offset + 1,
            watermarkMs: 0,
            closedThroughMs: 0,
            openMs: [],
            producers: new Uint8Array(),
            counters: {},
          },
          writes: written.flatMap((address) => names.map((scope) => ({ address, scope, blob }))),
          expiries: [],
        })
      }
      offset++
    }
    await write(addresses)
    const known = new Map<string, string>()
    const plan = (partition: PartitionId) => (): BlobRead[] =>
      addresses.map((address) => ({
        address,
        knows: (scope, version) => known.get(`${partition}${address.startMs}${scope}`) === version,
      }))
    const time = async (): Promise<number> => {
      const start = performance.now()
      const snapshots = await Promise.all(
        partitions.map((partition) => store.read(partition, plan(partition))),
      )
      const took = performance.now() - start
      for (const { partition, blobs } of snapshots.map((snapshot) => snapshot!)) {
        for (const { address, scope, version } of blobs) {
          if (address.kind !== 'total') known.set(`${partition}${address.startMs}${scope}`, version)
        }
      }
      return took
    }
    const cold: number[] = []
    const warm: number[] = []
    const moved: number[] = []
    for (let i = 0; i < 10; i++) {
      known.clear()
      cold.push(await time())
      for (let j = 0; j < 10; j++) warm.push(await time())
      await write([addresses.at(-1)!])
      moved.push(await time())
    }
    const what = `redis: read 8 partitions × ${buckets} buckets × ${scopes} scopes`
    report({ figure: `${what}: nothing known`, value: quantile(cold, 0.5), unit: 'ms' })
    report({ figure: `${what}: nothing new`, value: quantile(warm, 0.5), unit: 'ms' })
    report({ figure: `${what}: one bucket new`, value: quantile(moved, 0.5), unit: 'ms' })
  }
}
