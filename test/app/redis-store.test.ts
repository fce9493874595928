import t from 'tap'
import { openRedisStore } from '../../src/app/redis-store.ts'
import { PartitionFunction } from '../../src/function/index.ts'
import { NOW, recordOf, requestAt } from '../aggregator/partition-rig.ts'
import { redisForTest } from '../services.ts'

t.test('a program folds batches into Redis, also from several processes at once', async (t) => {
  const { url } = await redisForTest(t)
  const stores = [await openRedisStore(url), await openRedisStore(url)]
  t.teardown(() => Promise.all(stores.map((store) => store.close())))
  const start = (store: (typeof stores)[number]) =>
    new PartitionFunction({ store, now: () => NOW, setAside: async () => {} })
  const processes = stores.map(start)
  const log = Array.from({ length: 60 }, (_, i) => recordOf([requestAt(NOW)], i))
  const partition = 'mesh.requests-0'
  let offset = 0
  for (let calls = 0; offset < log.length && calls < 100; calls++) {
    // Both are handed the same batch, or the second one that overlaps.
    const batches = [0, -3].map((back) => log.slice(Math.max(0, offset + back), offset + 10))
    const results = await Promise.allSettled(
      batches.map((records, i) => processes[i]!.process({ partition, records })),
    )
    for (const result of results) {
      if (result.status === 'fulfilled') offset = Math.max(offset, result.value.offset)
      else t.equal((result.reason as { code: string }).code, 'BATCH_CONFLICT')
    }
  }
  t.match(await start(stores[0]!).process({ partition, records: log }), { outcome: 'repeated', offset: 60 })
  const { meta } = (await stores[1]!.read(partition, () => []))!
  t.match(meta.counters, { requests: 60, records: 60, missingOffsets: 0 })
})

t.test('a URL that is none is a mistake', async (t) => {
  await t.rejects(openRedisStore('http://rollups'), RangeError)
})
