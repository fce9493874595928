import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { startRedis } from '../../stack/redis.ts'
import { kafkaForTest, redisForTest } from '../services.ts'

function withVariable(t: Test, name: string, value: string): void {
  const before = process.env[name]
  process.env[name] = value
  t.teardown(() => {
    if (before === undefined) delete process.env[name]
    else process.env[name] = before
  })
}

t.test('MESHTAP_KAFKA names the broker that tests use', async (t) => {
  withVariable(t, 'MESHTAP_KAFKA', 'kafka:9092')
  t.strictSame(await kafkaForTest(t), { brokers: 'kafka:9092' })
})

t.test('of the Redis that MESHTAP_REDIS names each test has an empty database, and empties it', async (t) => {
  const server = await startRedis({ directory: t.testdir() })
  t.teardown(() => server.kill())
  withVariable(t, 'MESHTAP_REDIS', `${server.url}/5`)
  const [somebody, other] = [0, 1].map((db) => new Redis(server.url, { db }))
  t.teardown(() => [somebody, other].forEach((redis) => redis?.disconnect()))
  await somebody!.set('precious', 'yes')
  await other!.set('precious', 'yes')

  await t.test('a test', async (t) => {
    const urls = [(await redisForTest(t)).url, (await redisForTest(t)).url]
    t.strictSame(urls, [`${server.url}/2`, `${server.url}/3`], 'database 1 holds something')
    for (const url of urls) {
      const redis = new Redis(url)
      t.teardown(() => redis.disconnect())
      t.equal(await redis.dbsize(), 0)
      await redis.set('of', 'the test')
    }
  })

  t.strictSame(await somebody!.keys('*'), ['precious'], 'what was written down is gone')
  t.equal(await other!.get('precious'), 'yes')
  t.notMatch(await somebody!.info('keyspace'), /db[2-9]/)
})
