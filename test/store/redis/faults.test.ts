import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { type RedisOptions, type RedisServer, startRedis } from '../../../stack/redis.ts'
import { AddingWriter, faults } from './adding-writer.ts'
import { openRedis } from './open-redis.ts'

/** Longer than this machine takes to answer when it is busy. */
const TIMEOUT_MS = 700

async function serverOf(
  t: Test,
  options: RedisOptions['options'] = {},
): Promise<{ server: RedisServer; own: Redis }> {
  const server = await startRedis({ directory: t.testdir({}), options: { ...options } })
  t.teardown(() => server.kill())
  const own = new Redis(server.url)
  own.on('error', () => undefined)
  t.teardown(() => own.disconnect())
  return { server, own }
}

t.test('a Redis that answers nothing fails calls in time, and is used again when it does', async (t) => {
  const { server } = await serverOf(t)
  const store = await openRedis(t, server.url, { timeoutMs: TIMEOUT_MS })
  const writer = new AddingWriter(store)
  await writer.steps(5)
  server.pause()
  const start = performance.now()
  await writer.step()
  const took = performance.now() - start
  t.ok(took > TIMEOUT_MS / 2 && took < 4 * TIMEOUT_MS, `failed after ${took} ms`)
  t.match([...writer.errors], [/^STORE_UNAVAILABLE cannot commit to mesh.requests-3 in .*does not answer/])
  for (let i = 0; i < 3; i++) await writer.step()
  t.equal(writer.outcomes.committed, 5)
  server.resume()
  await writer.commits(5)
  t.strictSame(await faults(store), [])
})

t.test('a Redis that is away fails calls at once, and is used again when it is back', async (t) => {
  const { server } = await serverOf(t)
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  await writer.steps(5)
  await server.kill()
  // The first may have to find out.
  await writer.step()
  const start = performance.now()
  await writer.steps(20)
  t.ok(performance.now() - start < 500, 'nothing waits for it')
  t.equal(writer.outcomes.rejected, 21)
  t.equal(store.stats.pending, 0)
  t.match([...writer.errors].at(-1), /^STORE_UNAVAILABLE cannot claim .*there is no connection to Redis/)
  await server.start()
  await writer.commits(5)
  t.strictSame(await faults(store), [])
  t.ok(writer.offset >= 30, 'and has what it had before')
})

t.test('a Redis that lost everything is written anew from the log, exactly', async (t) => {
  const { server, own } = await serverOf(t)
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  await writer.steps(10)
  const { epoch } = writer
  await own.flushall()
  await writer.steps(5)
  t.match(writer.outcomes, { committed: 14, 'offset-moved': 1 })
  t.ok(writer.epoch > epoch, 'no epoch is given a second time')
  t.equal(writer.offset, 4 * 3, 'from the beginning')
  t.strictSame(await faults(store), [])
  t.strictSame(await store.partitions(), ['mesh.requests-3'])
})

t.test('of two writers that a lost store makes claim, one goes on', async (t) => {
  const { server, own } = await serverOf(t)
  const store = await openRedis(t, server.url)
  const paused = new AddingWriter(store)
  await paused.steps(3)
  await own.flushall()
  const other = new AddingWriter(store)
  await other.steps(3)
  await paused.step()
  t.match(paused.outcomes, { committed: 3, 'stale-epoch': 1 })
  t.strictSame(await faults(store), [])
})

t.test('the list of partitions comes back when it alone was lost', async (t) => {
  const { server, own } = await serverOf(t)
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  await writer.step()
  await own.del('mt:partitions')
  t.strictSame(await store.partitions(), [])
  // A worker opened anew goes on with the first commit.
  const later = await openRedis(t, server.url)
  const claimed = new AddingWriter(later)
  await claimed.claim()
  await own.del('mt:partitions')
  await claimed.step()
  t.strictSame(await later.partitions(), ['mesh.requests-3'])
})

t.test('a server that has forgotten the scripts is sent them again', async (t) => {
  const { server, own } = await serverOf(t)
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  for (let i = 0; i < 3; i++) {
    await writer.step()
    await own.script('FLUSH')
  }
  t.match(writer.outcomes, { committed: 3, rejected: 0 })
  t.strictSame(await faults(store), [])
})

t.test('a full Redis refuses commits whole, and takes them again when there is room', async (t) => {
  const { server, own } = await serverOf(t)
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  await writer.steps(3)
  await own.config('SET', 'maxmemory', '1')
  await writer.steps(2)
  t.match(
    [...writer.errors],
    [/^STORE_FULL cannot commit .*maxmemory: raise it/, /^STORE_FULL cannot claim .*maxmemory: raise it/],
  )
  t.strictSame(await faults(store), [], 'can be read')
  await own.config('SET', 'maxmemory', '0')
  await writer.commits(2)
  t.strictSame(await faults(store), [])
  t.equal(writer.offset, 15)
})
