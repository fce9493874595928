import { Redis } from 'ioredis'
import t from 'tap'
import { redisForTest } from '../../services.ts'
import { tapBusContract } from '../../contracts/tap-bus.ts'
import { redisContract } from './contract.ts'

const { url } = await redisForTest(t)
const redis = new Redis(url)
t.teardown(() => redis.disconnect())

tapBusContract(
  t,
  redisContract('redis', url, async () => {
    await redis.flushdb()
  }),
)
