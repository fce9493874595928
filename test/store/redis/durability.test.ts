import { globSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { RollupStore } from '../../../src/store/rollup-store.ts'
import { startRedis } from '../../../stack/redis.ts'
import { random } from '../../random.ts'
import { AddingWriter, faults } from './adding-writer.ts'
import { openRedis } from './open-redis.ts'

/** The append-only file of a server's directory that is being written. */
function appendOnlyFile(directory: string): string {
  const [file] = globSync('**/*.incr.aof', { cwd: directory })
  return join(directory, file!)
}

/** Waits until the store has its connection again. */
async function reachable(store: RollupStore): Promise<void> {
  for (const end = Date.now() + 20_000; ; await sleep(5)) {
    try {
      await store.partitions()
      return
    } catch (error) {
      if (Date.now() > end) throw error
    }
  }
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
    await writer.commits(5)
    await server.kill()
    const size = statSync(file).size
    truncateSync(file, Math.floor(before + next() * (size - before)))
    await server.start()
    // The writer holds its epoch, and finds the store where it has not left it.
    await reachable(store)
    const refused = writer.outcomes['offset-moved']
    await writer.step()
    t.equal(writer.outcomes['offset-moved'], refused + 1)
    await writer.commits(5)
    t.strictSame(await faults(store), [])
  }
  t.match(writer.outcomes, { 'stale-epoch': 0, rejected: 0 })
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
  await reachable(store)
  await writer.step()
  t.match(writer.outcomes, { 'offset-moved': 1, rejected: 0 })
  await writer.commits(2)
  t.strictSame(await faults(store), [])
})
