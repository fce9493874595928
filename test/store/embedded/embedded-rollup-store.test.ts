import { join } from 'node:path'
import t from 'tap'
import { lockDataDirectory } from '../../../src/log/embedded/data-directory-lock.ts'
import { openLmdb } from '../../../src/log/embedded/lmdb-database.ts'
import type { PartitionId } from '../../../src/log/event-log.ts'
import { EmbeddedRollupStore } from '../../../src/store/embedded/embedded-rollup-store.ts'
import type { BucketAddress, Commit, RollupStore } from '../../../src/store/rollup-store.ts'
import { FORMAT_KEY } from '../../../src/store/embedded/store-keys.ts'
import { random } from '../../random.ts'
import { openEmbedded } from './open-embedded.ts'

const PARTITION: PartitionId = 'topic-0'

/** Commits of one writer, each an offset further. */
async function writer(store: RollupStore, partition: PartitionId = PARTITION) {
  const claim = await store.claim(partition)
  let offset = claim.meta?.offset ?? 0
  return async (commit: Partial<Pick<Commit, 'writes' | 'expiries'>>) => {
    const meta = {
      offset: offset + 1,
      watermarkMs: 0,
      closedThroughMs: 0,
      openMs: [],
      producers: new Uint8Array(0),
      counters: {},
    }
    const { epoch } = claim
    const outcome = await store.commit({
      partition,
      epoch,
      expectedOffset: offset,
      meta,
      writes: [],
      expiries: [],
      ...commit,
    })
    if (outcome.kind === 'committed') offset++
    return outcome
  }
}

function bucket(startMs: number): BucketAddress {
  return { kind: 'stat', tier: '10s', startMs }
}

function scopes(address: BucketAddress, count: number, bytes: number) {
  return Array.from({ length: count }, (_, i) => ({
    address,
    scope: `scope-${i}`,
    blob: new Uint8Array(bytes),
  }))
}

t.test('what expired is deleted step by step, by claims and commits', async (t) => {
  const { store, clock } = await openEmbedded(t)
  const commit = await writer(store)
  const expiresAtMs = clock.nowMs + 1000
  await commit({
    writes: [
      ...scopes(bucket(0), 600, 10),
      ...scopes(bucket(10_000), 3, 10),
      ...scopes(bucket(20_000), 3, 10),
    ],
    expiries: [
      { address: bucket(0), expiresAtMs },
      { address: bucket(10_000), expiresAtMs: expiresAtMs + 1 },
      { address: bucket(20_000), expiresAtMs: expiresAtMs + 2 },
    ],
  })
  clock.nowMs = expiresAtMs + 1
  const swept: number[] = []
  for (const step of [() => commit({}), () => store.claim('topic-1'), () => commit({}), () => commit({})]) {
    await step()
    swept.push(store.stats.sweptBlobs)
  }
  t.same(swept, [256, 512, 603, 603])
  const left = await store.read(PARTITION, () => [{ address: bucket(20_000) }])
  t.equal(left!.blobs.length, 3, 'what has not expired is left')
})

t.test('an expired bucket that is written again is emptied first, in the same commit', async (t) => {
  const { store, clock } = await openEmbedded(t)
  const commit = await writer(store)
  await commit({
    writes: scopes(bucket(0), 600, 10),
    expiries: [{ address: bucket(0), expiresAtMs: clock.nowMs + 1 }],
  })
  clock.nowMs += 1
  await commit({ writes: scopes(bucket(0), 1, 20) })
  const read = await store.read(PARTITION, () => [{ address: bucket(0) }])
  t.same(
    read!.blobs.map(({ scope, blob }) => [scope, blob.length]),
    [['scope-0', 20]],
  )
  t.equal(store.stats.sweptBlobs, 600)
})

t.test('any time a number can say is in order', async (t) => {
  const times = [-8.64e15, -1, -0.5, 0, 0.5, 1, 1_700_000_000_000, 1_700_000_000_001, 2 ** 52 + 1, 8.64e15]
  for (const [i, nowMs] of times.entries()) {
    const { store, clock, reopen } = await openEmbedded(t, { path: join(t.testdir({}), `${i}`) })
    const commit = await writer(store)
    clock.nowMs = nowMs
    const addresses = times.map((timeMs) => bucket(timeMs))
    await commit({
      writes: addresses.flatMap((address) => scopes(address, 1, 1)),
      expiries: addresses.map((address) => ({ address, expiresAtMs: address.startMs })),
    })
    const seen = async (from: RollupStore) => {
      const read = await from.read(PARTITION, () => addresses.map((address) => ({ address })))
      return read!.blobs.map(({ address }) => address.kind !== 'total' && address.startMs)
    }
    t.same(await seen(store), times.slice(i + 1))
    t.equal(store.stats.sweptBlobs, i + 1)
    await store.close()
    t.same(await seen(await reopen()), times.slice(i + 1))
  }
})

t.test('a full store refuses commits until something expires', async (t) => {
  const { store, path, clock } = await openEmbedded(t, { maxBytes: 4 * 2 ** 20 })
  const commit = await writer(store)
  const expiresAtMs = clock.nowMs + 1000
  const add = (i: number) =>
    commit({
      writes: scopes(bucket(i * 10_000), 10, 16_000),
      expiries: [{ address: bucket(i * 10_000), expiresAtMs }],
    })
  let added = 0
  const error = await (async () => {
    for (; added < 100; added++) await add(added)
  })().catch((error: unknown) => error)
  t.ok(added > 10 && added < 30, `took ${added} commits of 160,000 bytes`)
  t.match(error, { name: 'StoreError', code: 'STORE_FULL' })
  t.match((error as Error).message, `cannot write to the rollup store ${path}: it holds `)
  t.match(await commit({}), { kind: 'committed' }, 'one that adds nothing still goes through')
  t.equal((await store.read(PARTITION, () => [{ address: bucket(0) }]))!.blobs.length, 10)

  clock.nowMs = expiresAtMs
  t.same(await add(200), { kind: 'committed' })
  t.ok(store.stats.extentBytes <= 4 * 2 ** 20)
})

t.test('the file does not grow while as much expires as is written', async (t) => {
  const { store, clock } = await openEmbedded(t)
  const commits = [await writer(store, 'topic-0'), await writer(store, 'topic-1')]
  const next = random(5)
  let after100 = 0
  for (let i = 0; i < 400; i++) {
    const address = bucket(i * 10_000)
    await Promise.all(
      commits.map((commit) =>
        commit({
          writes: scopes(address, 5, Math.floor(next() * 12_000)),
          expiries: [{ address, expiresAtMs: clock.nowMs + 20_000 }],
        }),
      ),
    )
    clock.nowMs += 1000
    if (i === 100) after100 = store.stats.extentBytes
  }
  const { extentBytes, usedBytes, sweptBlobs } = store.stats
  t.equal(sweptBlobs, 2 * 5 * (400 - 20))
  t.ok(
    extentBytes < 1.3 * after100,
    `${extentBytes} bytes, of which ${usedBytes} in use; early on ${after100}`,
  )
})

t.test('a file of another format is refused, naming both', async (t) => {
  const { store, path, reopen } = await openEmbedded(t)
  await store.close()
  const database = openLmdb(path, { mapBytes: 2 ** 20, versions: true })
  await database.put(FORMAT_KEY, Buffer.from(JSON.stringify({ rollups: 7 })), 0)
  await database.close()
  await t.rejects(reopen(), {
    code: 'STORE_FORMAT',
    message: `cannot open the rollup store ${path}: it has format 7, this version reads 1`,
  })
  await t.rejects(reopen(), { code: 'STORE_FORMAT' }, 'and it is not left locked')
})

t.test('what is no store at all is refused', async (t) => {
  const path = t.testdir({ 'data.mdb': 'x'.repeat(20_000) })
  await t.rejects(EmbeddedRollupStore.open({ path }), { name: 'StoreError', code: 'STORE_FORMAT' })
  await t.rejects(EmbeddedRollupStore.open({ path, maxBytes: 0 }), RangeError)
})

t.test('a store that is open elsewhere is refused', async (t) => {
  const path = t.testdir({})
  const lock = await lockDataDirectory(path)
  await t.rejects(EmbeddedRollupStore.open({ path }), { code: 'DIRECTORY_LOCKED', pid: process.pid })
  await lock.release()
  await (await EmbeddedRollupStore.open({ path })).close()
})
