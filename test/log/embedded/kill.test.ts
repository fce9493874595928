import t from 'tap'
import { EmbeddedEventLog } from '../../../src/log/embedded/embedded-event-log.ts'
import type { StoredRecord } from '../../../src/log/event-log.ts'
import { random } from '../../random.ts'
import { runUntilKilled } from './killed-process.ts'
import { numbered, numberOf } from './numbered.ts'

const SCRIPT = new URL('./appending-process.ts', import.meta.url)

async function readTopic(log: EmbeddedEventLog): Promise<StoredRecord[]> {
  const all: StoredRecord[] = []
  for (const partition of await log.partitions('topic')) {
    for await (const { records } of log.readSince(partition, 0)) all.push(...records)
  }
  return all
}

t.test('after kill -9 every acknowledged record is there once, in order and whole', async (t) => {
  const path = t.testdir({})
  const next = random(1)
  let first = 0
  for (let round = 0; round < 6; round++) {
    const acknowledged = await runUntilKilled(SCRIPT, [path, `${first}`, '1e9'], 1 + Math.floor(next() * 120))
    const log = await EmbeddedEventLog.open({ path, partitions: 2, maxBytes: 1e9, maxAgeMs: 1e9 })
    const numbers = (await readTopic(log)).map(numberOf)
    // Appends were called in order of their numbers, so what is there is all of them up to some number.
    t.strictSame(numbers, [...numbers.keys()])
    const newest = acknowledged.reduce((most, line) => Math.max(most, Number(line)), -1)
    t.ok(newest >= first && newest < numbers.length, `${newest} is among ${numbers.length} records`)
    // The log goes on where it was.
    await log.append('topic', [numbered(numbers.length)])
    first = numbers.length + 1
    await log.close()
  }
})

t.test('after kill -9 amid deletions the log holds its newest records without a gap', async (t) => {
  const path = t.testdir({})
  const next = random(2)
  const maxBytes = 2_000_000
  let first = 0
  for (let round = 0; round < 6; round++) {
    const lines = 100 + Math.floor(next() * 400)
    const acknowledged = await runUntilKilled(SCRIPT, [path, `${first}`, `${maxBytes}`], lines)
    const log = await EmbeddedEventLog.open({ path, partitions: 2, maxBytes, maxAgeMs: 1e9 })
    const records = await readTopic(log)
    const numbers = records.map(numberOf)
    const end = numbers.at(-1)! + 1
    t.strictSame(
      numbers,
      Array.from(numbers, (_, i) => end - numbers.length + i),
    )
    t.strictSame(
      records.map(({ offset }) => offset),
      numbers,
    )
    t.ok(end > Math.max(...acknowledged.map(Number)))
    t.ok(log.stats.usedBytes <= 1.25 * maxBytes && log.stats.usedBytes > 0.8 * maxBytes)
    first = end
    await log.close()
  }
})
