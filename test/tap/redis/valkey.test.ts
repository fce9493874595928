import { Redis } from 'ioredis'
import t from 'tap'
import { startRedis } from '../../../stack/redis.ts'
import { tapBusContract } from '../../contracts/tap-bus.ts'
import { redisContract } from './contract.ts'

const server = await startRedis({ directory: t.testdir(), binary: 'valkey' })
t.teardown(() => server.kill())
const redis = new Redis(server.url)
t.teardown(() => redis.disconnect())

tapBusContract(
  t,
  redisContract('valkey', server.url, async () => {
    await redis.flushall()
  }),
)
