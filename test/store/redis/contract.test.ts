import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../../stack/redis.ts'
import { rollupStoreContract } from '../../contracts/rollup-store.ts'
import { redisClusterForTest, redisForTest } from '../../services.ts'
import { openUnderTest } from './open-redis.ts'

const redis = await redisForTest(t)
const valkey = await startRedis({ directory: t.testdir({}), binary: 'valkey' })
t.teardown(() => valkey.kill())
const cluster = await redisClusterForTest(t)

for (const [name, url] of [
  ['redis', redis.url],
  ['valkey', valkey.url],
] as const) {
  const own = new Redis(url)
  t.teardown(() => own.disconnect())
  rollupStoreContract(t, {
    name,
    supports: { rounds: 50 },
    open: async (t) => {
      await own.flushdb()
      return openUnderTest(t, url)
    },
  })
}

const own = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
t.teardown(() => own.disconnect())
rollupStoreContract(t, {
  name: 'cluster',
  supports: { rounds: 50 },
  open: async (t) => {
    for (const node of own.nodes('master')) await node.flushdb()
    return openUnderTest(t, cluster.url)
  },
})
