import { Redis } from 'ioredis'
import t from 'tap'
import { tapBusContract } from '../../contracts/tap-bus.ts'
import { redisClusterForTest } from '../../services.ts'
import { redisContract } from './contract.ts'

const { url, nodes } = await redisClusterForTest(t)

tapBusContract(
  t,
  redisContract('cluster', url, async () => {
    for (const node of nodes) {
      const redis = new Redis(node.url)
      await redis.flushall()
      redis.disconnect()
    }
  }),
)
