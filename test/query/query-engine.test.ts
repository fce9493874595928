import t from 'tap'
import type { Parameters } from '../../src/query/parameters.ts'
import { QueryEngine } from '../../src/query/query-engine.ts'
import { parseStatRequest, parseTopRequest } from '../../src/query/requests.ts'
import { StoreError } from '../../src/store/rollup-store.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { request, times } from './events.ts'
import { engineOf, NOW, storeOf } from './world.ts'

type ReadArguments = globalThis.Parameters<MemoryRollupStore['read']>

const ask = (parameters: Parameters = {}) => parseStatRequest({ resource: 'deploy', ...parameters })

t.test('a store that fails is named with its reason, and the rest is given', async (t) => {
  const east = await storeOf([request('bot', 'web')])
  const west = await storeOf([request('bot', 'web')])
  west.failure = new StoreError('STORE_UNAVAILABLE', 'cannot reach west:6379: ECONNREFUSED')
  const engine = engineOf({ east, west })
  t.match(await engine.stat(ask()), {
    rows: [{ name: 'web', requests: 1 }],
    partial: [{ source: 'west', reason: 'cannot reach west:6379: ECONNREFUSED' }],
  })
  t.match(await engine.top(parseTopRequest({ resource: 'deploy' })), {
    total: 1,
    partial: [{ source: 'west' }],
  })
  west.failure = undefined
  t.match(await engine.stat(ask()), { rows: [{ requests: 2 }], partial: [] })
})

t.test('a store that fails half-way is left out whole', async (t) => {
  const east = await storeOf([request('bot', 'web')])
  const west = await storeOf([request('bot', 'web'), request('bot', 'emoji')], { partitionOf: (_, i) => i })
  let reads = 0
  const failing = Object.assign(Object.create(west) as MemoryRollupStore, {
    partitions: () => west.partitions(),
    read: async (...args: ReadArguments) => {
      // The survey reads each of the two partitions once; then the first one is read and the second fails.
      if (++reads === 4) throw new StoreError('STORE_UNAVAILABLE', 'gone')
      return west.read(...args)
    },
  })
  const answer = await engineOf({ east, west: failing }).stat(ask())
  t.match(answer, { rows: [{ name: 'web', requests: 1 }], partial: [{ source: 'west', reason: 'gone' }] })
  t.equal(answer.rows.length, 1)
})

t.test('where all stores fail, the answer rejects with the first one’s error', async (t) => {
  const stores = { east: new MemoryRollupStore(), west: new MemoryRollupStore() }
  stores.east.failure = new StoreError('STORE_CLOSED', 'closed')
  stores.west.failure = new StoreError('STORE_UNAVAILABLE', 'gone')
  await t.rejects(engineOf(stores).stat(ask()), { name: 'StoreError', code: 'STORE_CLOSED' })
})

t.test('what no store announces is not taken for a missing store', async (t) => {
  const stores = { east: await storeOf([request('bot', 'web')]), west: new MemoryRollupStore() }
  stores.west.failure = new TypeError('x is not a function')
  await t.rejects(engineOf(stores).stat(ask()), { name: 'TypeError' })
})

t.test('a store that holds what cannot be decoded is named', async (t) => {
  const east = await storeOf([request('bot', 'web')])
  const west = await storeOf([request('bot', 'web')])
  const { epoch, meta } = await west.claim('mesh.requests-0')
  await west.commit({
    partition: 'mesh.requests-0',
    epoch,
    expectedOffset: meta!.offset,
    meta: meta!,
    writes: [
      {
        address: { kind: 'stat', tier: '10s', startMs: NOW - 5000 },
        scope: 'east/emojivoto',
        blob: new Uint8Array([255, 255, 255]),
      },
    ],
    expiries: [],
  })
  t.match(await engineOf({ east, west }).stat(ask()), {
    rows: [{ requests: 1 }],
    partial: [{ source: 'west', reason: /^cannot read a rollup: / }],
  })
  await t.rejects(engineOf(west).stat(ask()), { name: 'StoreError', code: 'STORE_FORMAT' })
})

t.test('a blob is decoded once, and again when it has changed', async (t) => {
  const store = await storeOf(times(30, (i) => request('bot', 'web', { ago: i })))
  const engine = engineOf(store)
  const first = await engine.stat(ask())
  const { entries, misses } = engine.cache
  t.ok(entries > 0)
  t.equal(misses, entries)
  t.strictSame(await engine.stat(ask()), first)
  t.equal(engine.cache.misses, misses, 'the second time all is there')
  t.equal(engine.cache.hits, entries)

  const { epoch, meta } = await store.claim('mesh.requests-0')
  const snapshot = await store.read('mesh.requests-0', () => [
    { address: { kind: 'stat', tier: '10s', startMs: NOW - 15_000 } },
  ])
  const newer = await (
    await storeOf([request('bot', 'web', { ago: 15 })])
  ).read('mesh.requests-0', () => [{ address: { kind: 'stat', tier: '10s', startMs: NOW - 15_000 } }])
  t.equal(snapshot!.blobs.length, 1)
  await store.commit({
    partition: 'mesh.requests-0',
    epoch,
    expectedOffset: meta!.offset,
    meta: meta!,
    writes: newer!.blobs.map(({ address, scope, blob }) => ({ address, scope, blob })),
    expiries: [],
  })
  const changed = await engine.stat(ask())
  t.equal(engine.cache.misses, misses + 1)
  t.equal(changed.rows[0]!.requests, 30 - 10 + 1)
})

t.test('answers are the same whatever the cache holds, and it stays within its bound', async (t) => {
  const events = times(600, (i) =>
    request('bot', `web${i % 50}`, { ago: i / 10, destination: { pod: `p${i % 7}` } }),
  )
  const store = await storeOf(events, { partitionOf: (_, i) => i % 3 })
  const want = await engineOf(store).stat(ask())
  t.equal(want.rows.length, 50)
  for (const cacheBytes of [0, 1, 10_000, 100_000]) {
    const engine = engineOf(store, { cacheBytes })
    for (let i = 0; i < 3; i++) {
      const got = await Promise.all([
        engine.stat(ask()),
        engine.stat(ask({ resource: 'pod' })),
        engine.stat(ask()),
      ])
      t.strictSame(got[0], want)
      t.strictSame(got[2], want)
      t.ok(engine.cache.bytes <= cacheBytes / 2)
    }
  }
})

t.test('stores need distinct names, and there must be one', async (t) => {
  const store = new MemoryRollupStore()
  t.throws(() => new QueryEngine({ stores: [], now: Date.now }), { name: 'RangeError' })
  t.throws(
    () =>
      new QueryEngine({
        stores: [
          { name: 'a', store },
          { name: 'a', store },
        ],
        now: Date.now,
      }),
    { name: 'RangeError', message: /distinct names/ },
  )
})
