import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { connectRedis, disconnectRedis } from '../../src/redis/connect.ts'
import { redisFailure } from '../../src/redis/redis-failure.ts'
import { parseRedisUrl } from '../../src/redis/redis-url.ts'
import { startRedis } from '../../stack/redis.ts'

async function serverOf(t: Test, options: Readonly<Record<string, string>> = {}): Promise<{ url: string }> {
  const server = await startRedis({ directory: t.testdir({}), options })
  t.teardown(() => server.kill())
  return server
}

t.test('a connection is to the database of its URL, and is named', async (t) => {
  const { url } = await serverOf(t)
  const client = await connectRedis(parseRedisUrl(`${url}/3`), {
    name: 'meshtap-test',
    timeoutMs: 5000,
    onError: (error) => t.fail(error.message),
  })
  t.match(await client.client('INFO'), / name=meshtap-test .* db=3 /)
  await disconnectRedis(client, 1000)
  await t.rejects(client.ping(), 'is closed')
})

t.test('a refused password is told at once, and never shown', async (t) => {
  const { url } = await serverOf(t, { requirepass: 'right' })
  const seen: Error[] = []
  const options = { name: 'x', timeoutMs: 60_000, onError: (error: Error) => seen.push(error) }
  for (const credentials of ['', ':wrong-secret@', 'nobody:wrong-secret@']) {
    const settings = parseRedisUrl(url.replace('redis://', `redis://${credentials}`))
    const error = await connectRedis(settings, options).then(
      () => new Error('it was accepted'),
      (reason: Error) => reason,
    )
    t.match(redisFailure(error), { kind: 'refused', reason: /put the right ones into its URL/ })
    t.notMatch(inspect([error, ...seen], { depth: 9, showHidden: true }), /wrong-secret/)
  }
  const client = await connectRedis(parseRedisUrl(url.replace('redis://', 'redis://:right@')), options)
  await disconnectRedis(client, 1000)
})

t.test('a command that a broken connection left unanswered fails, and is not sent again', async (t) => {
  const { url } = await serverOf(t)
  const client = await connectRedis(parseRedisUrl(url), {
    name: 'meshtap-broken',
    timeoutMs: 5000,
    onError: () => undefined,
  })
  t.teardown(() => client.disconnect())
  const own = new Redis(url)
  t.teardown(() => own.disconnect())
  const id = /^id=(\d+) .*name=meshtap-broken/m.exec(String(await own.call('CLIENT', 'LIST')))![1]!
  const waiting = client.blpop('list', 0).then(
    () => 'answered',
    (error: Error) => redisFailure(error)?.kind,
  )
  await own.call('CLIENT', 'KILL', 'ID', id)
  t.equal(await waiting, 'unavailable')
  await new Promise((resolve) => client.once('ready', resolve))
  await own.rpush('list', 'x')
  t.equal(await own.llen('list'), 1, 'nobody waits for it')
})
