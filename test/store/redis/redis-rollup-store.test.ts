import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from '../../../stack/redis.ts'
import { PartitionList } from '../../../src/store/redis/partition-list.ts'
import type { RedisRollupStore } from '../../../src/store/redis/redis-rollup-store.ts'
import {
  type BlobAddress,
  type BlobRead,
  type BucketAddress,
  type Claim,
  type Commit,
  type CommitOutcome,
  type PartitionMeta,
  StoreError,
} from '../../../src/store/rollup-store.ts'
import { redisForTest } from '../../services.ts'
import { AddingWriter, faults, PARTITION } from './adding-writer.ts'
import { openRedis } from './open-redis.ts'

const { url } = await redisForTest(t)
const own = new Redis(url)
t.teardown(() => own.disconnect())

const DAY_MS = 24 * 3_600_000
const BUCKET: BucketAddress = { kind: 'stat', tier: '10s', startMs: 1_700_000_000_000 }

async function emptyStore(t: Test): Promise<RedisRollupStore> {
  await own.flushdb()
  return openRedis(t, url)
}

function commitOf(claim: Claim, offset: number, changes: Partial<Commit>): Commit {
  const meta: PartitionMeta = {
    offset,
    watermarkMs: 0,
    closedThroughMs: 0,
    openMs: [],
    producers: new Uint8Array(),
    counters: {},
  }
  const { partition, epoch } = claim
  return {
    partition,
    epoch,
    expectedOffset: claim.meta?.offset ?? 0,
    meta,
    writes: [],
    expiries: [],
    ...changes,
  }
}

/** The StoreError that a call rejects with. */
async function rejection(call: Promise<unknown>): Promise<StoreError> {
  try {
    await call
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('the call was expected to reject')
}

t.test('all keys of a partition are in one slot, and every one expires', async (t) => {
  const store = await emptyStore(t)
  const claim = await store.claim(PARTITION)
  const blob = Buffer.from('x')
  await store.commit(
    commitOf(claim, 1, {
      writes: [
        { address: { kind: 'total' }, scope: 'a', blob },
        { address: BUCKET, scope: 'a', blob },
        { address: { ...BUCKET, kind: 'top' }, scope: 'a', blob },
      ],
      expiries: [{ address: BUCKET, expiresAtMs: Date.now() + DAY_MS }],
    }),
  )
  const ttlDays: Record<string, number> = {}
  for (const key of await own.keys('*')) ttlDays[key] = Math.round((await own.pttl(key)) / DAY_MS)
  t.strictSame(ttlDays, {
    'mt:partitions': -0,
    'mt:{mesh.requests-3}:meta': 30,
    'mt:{mesh.requests-3}:total': 30,
    'mt:{mesh.requests-3}:stat:10s:1700000000000': 1,
    'mt:{mesh.requests-3}:top:10s:1700000000000': 30,
  })
})

t.test('a partition that is in use does not expire', async (t) => {
  const store = await emptyStore(t)
  const writer = new AddingWriter(store)
  await writer.step()
  const keys = [`mt:{${PARTITION}}:meta`, `mt:{${PARTITION}}:total`]
  const use: readonly (() => Promise<unknown>)[] = [() => writer.step(), () => store.claim(PARTITION)]
  for (const one of use) {
    for (const key of keys) await own.pexpire(key, 60_000)
    await one()
    for (const key of keys) t.ok((await own.pttl(key)) > 29 * DAY_MS)
  }
})

t.test('a partition that has expired is taken from the list by a later writer', async (t) => {
  const store = await emptyStore(t)
  await store.claim('gone-0')
  await store.claim(PARTITION)
  await own.del('mt:{gone-0}:meta')
  await new PartitionList(own).sweep()
  t.strictSame(await store.partitions(), [PARTITION])
  await own.sadd('mt:partitions', 'gone-0')
  let nowMs = 0
  const list = new PartitionList(own, () => nowMs)
  list.keep(PARTITION)
  t.equal((await list.list()).length, 2, 'not at once')
  nowMs += 3_600_000
  list.keep(PARTITION)
  while ((await list.list()).length > 1) await new Promise(setImmediate)
})

t.test('blobs of the higher tiers and the totals are kept packed', async (t) => {
  const store = await emptyStore(t)
  const claim = await store.claim(PARTITION)
  const blob = Buffer.from('a rollup, more or less '.repeat(100))
  const noise = randomBytes(2300)
  const addresses: BlobAddress[] = [
    BUCKET,
    { ...BUCKET, tier: '1m' },
    { ...BUCKET, kind: 'top', tier: '10m' },
    { kind: 'total' },
  ]
  const writes = addresses.flatMap((address) => [
    { address, scope: 'a', blob },
    { address, scope: 'b', blob: noise },
  ])
  await store.commit(commitOf(claim, 1, { writes }))
  const lengths = (name: string) =>
    Promise.all(
      ['a', 'b'].map(async (scope) => (await own.hgetBuffer(`mt:{${PARTITION}}:${name}`, scope))!.length),
    )
  t.strictSame(await lengths(`stat:10s:${BUCKET.startMs}`), [2313, 2313])
  for (const name of [`stat:1m:${BUCKET.startMs}`, `top:10m:${BUCKET.startMs}`, 'total']) {
    const [packed, asItIs] = await lengths(name)
    t.ok(packed! < 100, `${packed} bytes`)
    t.equal(asItIs, 2313, 'what does not get shorter is left as it is')
  }
  const { blobs } = (await store.read(PARTITION, () => addresses.map((address) => ({ address }))))!
  t.equal(blobs.length, writes.length)
  for (const found of blobs) t.ok((found.scope === 'a' ? blob : noise).equals(found.blob))

  const { version } = blobs.find(({ address, scope }) => address.kind === 'total' && scope === 'a')!
  await own.hset(`mt:{${PARTITION}}:total`, 'a', `${version}z damaged`)
  const reading = store.read(PARTITION, () => [{ address: { kind: 'total' } }])
  t.equal((await rejection(reading)).code, 'STORE_FORMAT')
})

t.test(
  'a deleted blob is gone from its bucket, and a bucket of which nothing is left is no key',
  async (t) => {
    const store = await emptyStore(t)
    const claim = await store.claim(PARTITION)
    const key = `mt:{${PARTITION}}:stat:10s:${BUCKET.startMs}`
    const write = (scope: string, blob?: Buffer) => ({ address: BUCKET, scope, blob })
    const blob = Buffer.from('x')
    await store.commit(commitOf(claim, 1, { writes: [write('a', blob), write('b', blob)] }))
    t.equal(await own.hlen(key), 3, 'with the index')
    await store.commit(commitOf(claim, 2, { expectedOffset: 1, writes: [write('a')] }))
    t.equal(await own.hlen(key), 2)
    await store.commit(commitOf(claim, 3, { expectedOffset: 2, writes: [write('b')] }))
    t.equal(await own.exists(key), 0)
  },
)

t.test('a commit of many thousands of blobs goes through; one too large for Redis is refused', async (t) => {
  const store = await emptyStore(t)
  const claim = await store.claim(PARTITION)
  const scopes = Array.from({ length: 30_000 }, (_, i) => `scope-${i}`)
  const writes = scopes.map((scope) => ({ address: BUCKET, scope, blob: Buffer.from(scope) }))
  t.strictSame(await store.commit(commitOf(claim, 1, { writes })), { kind: 'committed' })
  const snapshot = await store.read(PARTITION, () => [{ address: BUCKET }])
  t.strictSame(snapshot!.blobs.map(({ blob }) => Buffer.from(blob).toString()).sort(), scopes.toSorted())

  const huge = { address: BUCKET, blob: new Uint8Array(70 * 2 ** 20) }
  const tooLarge = commitOf(claim, 2, {
    expectedOffset: 1,
    writes: [
      { ...huge, scope: 'a' },
      { ...huge, scope: 'b' },
    ],
  })
  const { code, message } = await rejection(store.commit(tooLarge))
  t.equal(code, 'STORE_FULL')
  t.match(
    message,
    /cannot commit 2 blobs of 1468\d+ bytes to mesh.requests-3 at once: .* have more partitions/,
  )
})

t.test('a reader that knows all is sent nothing but that nothing changed', async (t) => {
  const store = await emptyStore(t)
  const claim = await store.claim(PARTITION)
  const addresses = Array.from({ length: 20 }, (_, i) => ({ ...BUCKET, startMs: i * 10_000 }))
  const blob = new Uint8Array(20_000)
  await store.commit(
    commitOf(claim, 1, {
      writes: addresses.flatMap((address) => ['a', 'b'].map((scope) => ({ address, scope, blob }))),
    }),
  )
  const reader = await openRedis(t, url)
  const known = new Set<string>()
  const read = async () => {
    const plan = (): BlobRead[] =>
      addresses.map((address) => ({
        address,
        knows: (scope, version) => known.has(`${address.startMs} ${scope} ${version}`),
      }))
    const before = await traffic()
    const snapshot = await reader.read(PARTITION, plan)
    const after = await traffic()
    for (const { address, scope, version } of snapshot!.blobs) {
      if (address.kind !== 'total') known.add(`${address.startMs} ${scope} ${version}`)
    }
    const { blobs, known: same } = snapshot!
    return {
      blobs: blobs.length,
      known: same.length,
      scripts: after.scripts - before.scripts,
      // What INFO itself sends is some 10 KB.
      blobsSent: Math.round((after.bytes - before.bytes) / blob.length / 2) * 2,
    }
  }
  await read()
  known.clear()
  t.match(await read(), { blobs: 40, known: 0, scripts: 1 })
  t.match(await read(), { blobs: 0, known: 40, scripts: 1, blobsSent: 0 })
  await store.commit(
    commitOf(claim, 2, { expectedOffset: 1, writes: [{ address: addresses[3]!, scope: 'b', blob }] }),
  )
  t.match(await read(), { blobs: 1, known: 39, scripts: 2 }, 'meta and then an index are new')
})

/** Scripts that the server has run, and bytes that it has sent. */
async function traffic(): Promise<{ readonly scripts: number; readonly bytes: number }> {
  const figure = async (section: string, pattern: RegExp) =>
    Number(pattern.exec(await own.info(section))?.[1] ?? 0)
  return {
    scripts: await figure('commandstats', /cmdstat_evalsha:calls=(\d+)/),
    bytes: await figure('stats', /total_net_output_bytes:(\d+)/),
  }
}

t.test('a reader that the writer keeps overtaking reads everything at once', async (t) => {
  const store = await emptyStore(t)
  const claim = await store.claim(PARTITION)
  let offset = 0
  const commit = () => {
    const expectedOffset = offset++
    const writes = ['a', 'b'].map((scope) => ({ address: BUCKET, scope, blob: Buffer.from(`${offset}`) }))
    return store.commit(commitOf(claim, offset, { expectedOffset, writes }))
  }
  await commit()
  // Over the connection that the reader is about to ask by: whatever it plans by is old when it asks.
  const overtaking: Promise<CommitOutcome>[] = []
  const snapshot = await store.read(PARTITION, () => {
    overtaking.push(commit())
    return [{ address: BUCKET }]
  })
  for (const outcome of await Promise.all(overtaking)) t.strictSame(outcome, { kind: 'committed' })
  t.ok(store.stats.readRetries >= 4, `${store.stats.readRetries} retries`)
  t.strictSame(
    snapshot!.blobs.map(({ blob }) => Buffer.from(blob).toString()),
    [String(snapshot!.meta.offset), String(snapshot!.meta.offset)],
  )
})

t.test('a reader that a commit overtakes once keeps what it has fetched of the newer state', async (t) => {
  const store = await emptyStore(t)
  const claim = await store.claim(PARTITION)
  const writes = (text: string) =>
    ['a', 'b'].map((scope) => ({ address: BUCKET, scope, blob: Buffer.from(text) }))
  await store.commit(commitOf(claim, 1, { writes: writes('old') }))
  let overtaking: Promise<CommitOutcome> | undefined
  const snapshot = await store.read(PARTITION, () => [
    {
      address: BUCKET,
      // It has been told what there is, and is about to fetch it.
      wants: () => {
        overtaking ??= store.commit(commitOf(claim, 2, { expectedOffset: 1, writes: writes('new') }))
        return true
      },
    },
  ])
  t.strictSame(await overtaking, { kind: 'committed' })
  t.ok(store.stats.readRetries > 0)
  t.equal(snapshot!.meta.offset, 2)
  t.strictSame(
    snapshot!.blobs.map(({ blob }) => Buffer.from(blob).toString()),
    ['new', 'new'],
  )
})

t.test('what another version wrote is neither read nor written', async (t) => {
  const store = await emptyStore(t)
  const writer = new AddingWriter(store)
  await writer.step()
  await own.hset(`mt:{${PARTITION}}:meta`, 'format', '2')
  await writer.step()
  t.match([...writer.errors], [/^STORE_FORMAT .*it has format 2, this version reads 1/])
  const reader = await openRedis(t, url)
  t.equal((await rejection(store.claim(PARTITION))).code, 'STORE_FORMAT')
  t.equal((await rejection(reader.read(PARTITION, () => []))).code, 'STORE_FORMAT')
})

t.test('a key of another type fails a commit before it has written anything', async (t) => {
  const store = await emptyStore(t)
  const writer = new AddingWriter(store)
  await writer.step()
  const claim = await store.claim(PARTITION)
  await own.set(`mt:{${PARTITION}}:stat:10s:${BUCKET.startMs}`, 'not a hash')
  const write = { scope: 'a', blob: Buffer.from('x') }
  const commit = commitOf(claim, 9, {
    expectedStamp: claim.meta!.stamp!,
    writes: [
      { ...write, address: { kind: 'total' } },
      { ...write, address: BUCKET },
    ],
  })
  const { code, message } = await rejection(store.commit(commit))
  t.equal(code, 'STORE_UNAVAILABLE')
  t.match(message, /WRONGTYPE/)
  t.strictSame(await faults(store), [])
})

t.test('a server that evicts is warned of when the store is opened', async (t) => {
  const server = await startRedis({
    directory: t.testdir({}),
    options: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' },
  })
  t.teardown(() => server.kill())
  const troubles: string[] = []
  await openRedis(t, server.url, { onTrouble: ({ kind, message }) => troubles.push(`${kind}: ${message}`) })
  t.match(troubles, [/^eviction: maxmemory-policy of redis:\/\/.* is allkeys-lru: .* only noeviction/])
})

t.test('the permissions that docs/redis.md lists are enough, and a wrong password says so', async (t) => {
  const docs = readFileSync(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
  const rule = /^ *ACL SETUSER (meshtap .*)$/m.exec(docs)![1]!.split(' ')
  await own.flushdb()
  await own.call('ACL', 'SETUSER', ...rule)
  t.teardown(() => own.call('ACL', 'DELUSER', 'meshtap'))
  const at = url.replace('redis://', '')
  const store = await openRedis(t, `redis://meshtap:secret@${at}`)
  const writer = new AddingWriter(store)
  await writer.commits(3)
  await own.del('mt:{gone-0}:meta')
  t.strictSame(await faults(store), [])
  t.strictSame(await store.partitions(), [PARTITION])

  const start = performance.now()
  const { code, message } = await rejection(openRedis(t, `redis://meshtap:guess@${at}`))
  t.equal(code, 'STORE_UNAVAILABLE')
  t.match(message, /cannot open the rollup store redis:\/\/.*does not accept the user and password/)
  t.notMatch(message, /guess/)
  t.ok(performance.now() - start < 2000, 'at once')

  await own.call('ACL', 'SETUSER', 'meshtap', '-evalsha')
  await writer.step()
  t.match([...writer.errors], [/^STORE_UNAVAILABLE .*lacks a permission/])
})

t.test('a store that cannot be reached is not opened', async (t) => {
  const { code, message } = await rejection(openRedis(t, 'redis://127.0.0.1:1', { timeoutMs: 300 }))
  t.equal(code, 'STORE_UNAVAILABLE')
  t.match(
    message,
    /cannot open the rollup store redis:\/\/127.0.0.1:1: Redis cannot be reached: .*ECONNREFUSED/,
  )
})
