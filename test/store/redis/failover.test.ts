import { Redis } from 'ioredis'
import t from 'tap'
import { startSentinel } from '../../../stack/redis.ts'
import { redisClusterForTest } from '../../services.ts'
import { AddingWriter, faults, PARTITION } from './adding-writer.ts'
import { openRedis } from './open-redis.ts'

const TIMEOUT_MS = 1000

t.test('a store behind Sentinels follows them to the new master', async (t) => {
  const servers = await startSentinel({ directory: t.testdir({}) })
  t.teardown(() => Promise.all([servers.sentinel, servers.master, servers.replica].map((one) => one.kill())))
  const store = await openRedis(t, servers.url, { timeoutMs: TIMEOUT_MS })
  const writer = new AddingWriter(store)
  await writer.commits(10)
  // It does not even close its connections.
  servers.master.pause()
  await writer.commits(5)
  t.ok(writer.outcomes.rejected > 0)
  t.strictSame(await faults(store), [])
  // Back as a replica of the other.
  servers.master.resume()
  await writer.commits(5)
  t.strictSame(await faults(store), [])
  const reader = await openRedis(t, servers.url, { timeoutMs: TIMEOUT_MS })
  t.strictSame(await faults(reader), [])
})

t.test('a master that is made a replica is left, with a reason', async (t) => {
  const servers = await startSentinel({ directory: t.testdir({}) })
  t.teardown(() => Promise.all([servers.sentinel, servers.master, servers.replica].map((one) => one.kill())))
  const store = await openRedis(t, servers.master.url, { timeoutMs: TIMEOUT_MS })
  const writer = new AddingWriter(store)
  await writer.commits(2)
  const own = new Redis(servers.master.url)
  t.teardown(() => own.disconnect())
  await own.call('REPLICAOF', '127.0.0.1', servers.replica.port)
  await writer.step()
  t.match([...writer.errors], [/^STORE_UNAVAILABLE cannot commit .*read-only replica.*give the Sentinels/])
})

t.test('in a Cluster', async (t) => {
  const cluster = await redisClusterForTest(t)
  const [first] = cluster.nodes
  const own = new Redis(first!.url)
  own.on('error', () => undefined)
  t.teardown(() => own.disconnect())
  const slot = Number(await own.call('CLUSTER', 'KEYSLOT', `mt:{${PARTITION}}:meta`))
  const connections = cluster.nodes.map(({ url, port }) => {
    const redis = new Redis(url)
    redis.on('error', () => undefined)
    t.teardown(() => redis.disconnect())
    return { redis, port }
  })
  const ids = await Promise.all(connections.map(({ redis }) => redis.call('CLUSTER', 'MYID').then(String)))
  /** Which node has the slot. */
  const owner = async () => {
    const slots = (await own.call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][]
    const port = slots.find(([from, to]) => slot >= from && slot <= to)![2][1]
    return connections.findIndex((one) => one.port === port)
  }

  await t.test('a writer goes on while its slot moves to another node', async (t) => {
    const store = await openRedis(t, cluster.url)
    const writer = new AddingWriter(store)
    await writer.commits(10)
    const from = await owner()
    const to = (from + 1) % 3
    const source = connections[from]!
    const target = connections[to]!
    await target.redis.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from]!)
    await source.redis.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to]!)
    await writer.steps(3)
    for (const key of (await source.redis.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[]) {
      await source.redis.call('MIGRATE', '127.0.0.1', target.port, key, 0, 1000)
      // Its other keys are still where they were.
      await writer.steps(2)
    }
    await writer.steps(3)
    for (const { redis } of [target, source, ...connections]) {
      await redis.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to]!)
    }
    await writer.commits(10)
    t.equal(await owner(), to)
    t.strictSame(await faults(store), [])
  })

  await t.test('a node that dies fails its partitions only, until it is back', async (t) => {
    const store = await openRedis(t, cluster.url, { timeoutMs: TIMEOUT_MS })
    const writer = new AddingWriter(store)
    await writer.commits(3)
    const node = cluster.nodes[await owner()]!
    await node.kill()
    await writer.step()
    t.match([...writer.errors], [/^STORE_UNAVAILABLE cannot commit /])
    await node.start()
    await writer.commits(5)
    t.strictSame(await faults(store), [])
  })
})
