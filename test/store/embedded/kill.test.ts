import t from 'tap'
import { EmbeddedRollupStore } from '../../../src/store/embedded/embedded-rollup-store.ts'
import { runUntilKilled } from '../../log/embedded/killed-process.ts'
import { random } from '../../random.ts'
import { blobFor, PARTITION, STAT, TOTAL } from './numbered-commit.ts'

const SCRIPT = new URL('./committing-process.ts', import.meta.url)

t.test('after kill -9 the store is at one whole commit, the last acknowledged one or a later', async (t) => {
  const path = t.testdir({})
  const next = random(3)
  let before = 0
  for (let round = 0; round < 8; round++) {
    const acknowledged = await runUntilKilled(SCRIPT, [path], 1 + Math.floor(next() * 80))
    const store = await EmbeddedRollupStore.open({ path })
    const snapshot = await store.read(PARTITION, () => [{ address: TOTAL }, { address: STAT }])
    const { offset, counters, producers } = snapshot!.meta
    const newest = Number(acknowledged.at(-1))
    t.ok(newest > before && offset >= newest && offset <= newest + 1, `at ${offset}, acknowledged ${newest}`)
    const wanted = Buffer.from(blobFor(offset))
    t.equal(counters['events'], offset)
    t.ok(wanted.equals(producers))
    t.equal(snapshot!.blobs.length, 4)
    t.ok(snapshot!.blobs.every(({ blob }) => wanted.equals(blob)))
    before = offset
    await store.close()
  }
})
