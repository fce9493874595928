import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { startRedis, startSentinel } from '../../stack/redis.ts'
import { redisClusterForTest, redisForTest } from '../services.ts'

for (const binary of ['valkey', undefined] as const) {
  t.test(`${binary ?? 'Redis'} that is killed and started again has what it wrote to disk`, async (t) => {
    const server = await startRedis({
      directory: t.testdir(),
      options: { appendfsync: 'always' },
      ...(binary && { binary }),
    })
    t.teardown(() => server.kill())
    const { url, pid } = server
    const redis = new Redis(url)
    redis.on('error', () => {})
    t.teardown(() => redis.disconnect())
    t.match(
      await redis.info('server'),
      new RegExp(`process_id:${pid}\r`),
      'it is the one that answers at the URL',
    )
    await redis.set('kept', 'yes')

    await server.kill()
    t.throws(() => process.kill(pid, 0), 'the process is gone')
    await server.start()

    t.not(server.pid, pid)
    t.equal(await redis.get('kept'), 'yes')
  })
}

t.test('a paused Redis answers when it is resumed', async (t) => {
  const server = await startRedis({ directory: t.testdir() })
  t.teardown(() => server.kill())
  const redis = new Redis(server.url)
  t.teardown(() => redis.disconnect())
  await redis.ping()
  server.pause()
  const answer = redis.ping()
  const late = new Promise((resolve) => setTimeout(resolve, 100, 'nothing yet'))
  t.equal(await Promise.race([answer, late]), 'nothing yet')
  server.resume()
  t.equal(await answer, 'PONG')
})

t.test('a paused Redis can be stopped', async (t) => {
  const server = await startRedis({ directory: t.testdir() })
  const { pid } = server
  server.pause()
  await server.stop()
  t.throws(() => process.kill(pid, 0))
})

t.test('two tests do not see each other', async (t) => {
  const [one, two] = await Promise.all([redisForTest(t), redisForTest(t)])
  const [a, b] = [new Redis(one.url), new Redis(two.url)]
  t.teardown(() => [a, b].forEach((redis) => redis.disconnect()))
  await a.set('of', 'one')
  t.equal(await b.dbsize(), 0)
})

t.test('three masters share the slots', async (t) => {
  const { nodes } = await redisClusterForTest(t)
  const cluster = new Cluster(nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
  t.teardown(() => cluster.disconnect())
  for (let i = 0; i < 100; i++) await cluster.set(`key-${i}`, i)
  const sizes = await Promise.all(cluster.nodes('master').map((node) => node.dbsize()))
  t.equal(sizes.length, 3)
  t.ok(
    sizes.every((size) => size > 10),
    `each has its share of 100 keys: ${sizes.join(', ')}`,
  )
})

t.test('a sentinel makes the replica of a killed master the master', async (t) => {
  const servers = await startSentinel({ directory: t.testdir() })
  t.teardown(() => servers.stop())
  const { master, replica, sentinel, name } = servers
  const redis = new Redis({ sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name })
  redis.on('error', () => {})
  t.teardown(() => redis.disconnect())
  await redis.set('before', 1)
  await redis.wait(1, 0)
  await master.kill()
  await redis.set('after', 2)
  t.strictSame(await redis.mget('before', 'after'), ['1', '2'])
  t.match(await redis.info('server'), new RegExp(`tcp_port:${replica.port}\r`))
})
