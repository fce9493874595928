import { readFile } from 'node:fs/promises'
import { Redis } from 'ioredis'
import t from 'tap'
import { redisForTest } from '../../services.ts'
import { tapBusContract } from '../../contracts/tap-bus.ts'
import { framesOf, idsWatched, openBus, redisContract, seen, tap, until } from './contract.ts'

const { url } = await redisForTest(t)
const redis = new Redis(url)
t.teardown(() => redis.disconnect())

tapBusContract(
  t,
  redisContract('redis', url, async () => {
    await redis.flushdb()
  }),
)

t.test('the permissions in docs/redis.md are enough', async (t) => {
  await redis.flushdb()
  const docs = await readFile(new URL('../../../docs/redis.md', import.meta.url), 'utf8')
  const rule = /^ *ACL SETUSER (meshtap .*)$/m.exec(docs)![1]!.split(' ')
  await redis.call('ACL', 'SETUSER', ...rule)
  t.teardown(() => redis.call('ACL', 'DELUSER', 'meshtap'))
  const own = new URL(url)
  own.username = 'meshtap'
  own.password = rule.find((word) => word.startsWith('>'))!.slice(1)
  const bus = await openBus(t, own.href)
  const told = await idsWatched(bus)
  const frames = await framesOf(bus, 'a')
  await bus.register(tap('a'), 60_000)
  await bus.publish('a', seen(1))
  await until('a frame arrives', () => frames.length === 1)
  await bus.register(tap('a'), 1)
  await until('the tap expires', () => told.at(-1)!.length === 0 && told.length > 1)
  await redis.del('mt:{taps}:expiries')
  await bus.register(tap('b'), 60_000)
  await until('another is told', () => told.at(-1)!.join() === 'b')
  await bus.unregister('b')
  await until('it is gone', () => told.at(-1)!.length === 0)
})
