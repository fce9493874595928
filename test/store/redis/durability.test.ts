import { globSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startRedis } from '../../../stack/redis.ts'
import { random } from '../../random.ts'
import { AddingWriter, faults } from './adding-writer.ts'
import { openRedis } from './open-redis.ts'

/** The append-only file of a server's directory that is being written. */
function appendOnlyFile(directory: string): string {
  const [file] = globSync('**/*.incr.aof', { cwd: directory })
  return join(directory, file!)
}

t.test('after kill -9 of Redis with its file synced, nothing is lost', async (t) => {
  const directory = t.testdir({})
  const server = await startRedis({ directory, options: { appendfsync: 'always' } })
  t.teardown(() => server.kill())
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  for (let round = 0; round < 3; round++) {
    await writer.commits(10)
    const { offset } = writer
    await server.kill()
    await server.start()
    await writer.commits(1)
    t.equal(writer.offset, offset + 3, 'went on where it was')
    t.strictSame(await faults(store), [])
  }
  t.equal(writer.outcomes['offset-moved'], 0)
})

t.test('a file that ends within its last commits rewinds the writer, exactly', async (t) => {
  const directory = t.testdir({})
  const server = await startRedis({ directory })
  t.teardown(() => server.kill())
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  const next = random(11)
  await writer.commits(20)
  for (let round = 0; round < 4; round++) {
    const file = appendOnlyFile(directory)
    const before = statSync(file).size
    // Epoch, claim and all: what is lost is the writer's own claim too where it has claimed since.
    await writer.commits(5)
    await server.kill()
    const size = statSync(file).size
    truncateSync(file, Math.floor(before + next() * (size - before)))
    await server.start()
    // The writer holds its epoch, and finds the store where it has not left it.
    const refused = writer.outcomes['offset-moved'] + writer.outcomes.rejected
    await writer.commits(5)
    t.ok(writer.outcomes['offset-moved'] + writer.outcomes.rejected > refused)
    t.strictSame(await faults(store), [])
  }
  t.equal(writer.outcomes['stale-epoch'], 0)
})

t.test('a commit that left the offset where it was is missed when it is lost', async (t) => {
  const directory = t.testdir({})
  const server = await startRedis({ directory })
  t.teardown(() => server.kill())
  const store = await openRedis(t, server.url)
  const writer = new AddingWriter(store)
  await writer.commits(3)
  const size = statSync(appendOnlyFile(directory)).size
  await writer.step(0)
  await server.kill()
  truncateSync(appendOnlyFile(directory), size)
  await server.start()
  const reader = await openRedis(t, server.url)
  t.strictSame(await faults(reader), [])
  // The connection may have to be made first; what holds the old stamp is refused.
  const late = { 'offset-moved': writer.outcomes['offset-moved'] }
  await writer.commits(2)
  t.ok(writer.outcomes['offset-moved'] + writer.outcomes.rejected > late['offset-moved'])
  t.strictSame(await faults(reader), [])
})
