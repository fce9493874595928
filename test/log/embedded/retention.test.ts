import { statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { EventLog, LogRecord, PartitionId } from '../../../src/log/event-log.ts'
import { random } from '../../random.ts'
import { openEmbedded } from './open-embedded.ts'

const MIB = 2 ** 20

async function valuesOf(log: EventLog, partition: PartitionId): Promise<string[]> {
  const values: string[] = []
  for await (const { records } of log.readSince(partition, 0)) {
    values.push(...records.map(({ value }) => Buffer.from(value).toString()))
  }
  return values
}

function text(value: string): LogRecord {
  return { value: Buffer.from(value), headers: {} }
}

t.test('records that are older than the limit go, and only they', async (t) => {
  const { log, clock } = await openEmbedded(t, { partitions: 1, maxAgeMs: 1000 })
  for (let i = 0; i < 5; i++) {
    await log.append('topic', [text(`${i}`)])
    clock.nowMs += 400
  }
  // At 2000 ms those of 0, 400 and 800 ms are too old.
  await log.append('topic', [text('5')])
  t.same(await valuesOf(log, 'topic-0'), ['3', '4', '5'].slice(-3))
  t.equal(log.stats.deletedRecords, 3)
})

t.test('an idle log forgets what is too old when its timer says so', async (t) => {
  const due: (() => void)[] = []
  const waits: number[] = []
  const { log, clock } = await openEmbedded(t, {
    partitions: 1,
    maxAgeMs: 100_000,
    timer: (ms, run) => {
      waits.push(ms)
      due.push(run)
      return () => {}
    },
  })
  await log.append('topic', [text('a'), text('b')])
  clock.nowMs += 100_001
  t.same(await valuesOf(log, 'topic-0'), ['a', 'b'])
  due.shift()!()
  t.equal(due.length, 1, 'it looks again later')
  t.same(waits, [10_000, 10_000])
  // Closing drains what the timer began.
  await log.close()
  t.equal(log.stats.deletedRecords, 2)
})

t.test('the oldest records of all topics make room for new ones', async (t) => {
  const { log, clock } = await openEmbedded(t, { partitions: 1, maxBytes: 1_100_000 })
  // 53,248 bytes of pages: twenty of them fit.
  const value = new Uint8Array(50_000)
  for (let i = 0; i < 10; i++) {
    await log.append('first', [{ key: `${i}`, value, headers: {} }])
    await log.append('second', [{ key: `${i}`, value, headers: {} }])
    clock.nowMs += 1
  }
  for (let i = 0; i < 10; i++) {
    await log.append('third', [{ key: `${i}`, value, headers: {} }])
    clock.nowMs += 1
  }
  const keys: Record<string, string[]> = {}
  for (const topic of ['first', 'second', 'third']) {
    keys[topic] = []
    for await (const { records } of log.readSince(`${topic}-0`, 0)) {
      keys[topic].push(...records.map(({ key }) => key!))
    }
  }
  t.same(keys['third'], ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  t.same(keys['first'], ['5', '6', '7', '8', '9'])
  t.same(keys['second'], ['5', '6', '7', '8', '9'])
  t.ok(log.stats.usedBytes <= 1_100_000, `${log.stats.usedBytes} bytes are used`)
})

t.test('the file stays within twice the limit, whatever sizes come and go', async (t) => {
  const maxBytes = 3 * MIB
  const { log, path, clock } = await openEmbedded(t, { partitions: 4, maxBytes, maxAgeMs: 1e9 })
  const next = random(11)
  let mostUsed = 0
  for (let round = 0; round < 450; round++) {
    const records = Array.from({ length: 1 + Math.floor(next() * 16) }, () => {
      const kind = next()
      const size = kind < 0.5 ? next() * 1000 : kind < 0.98 ? next() * 40_000 : next() * 250_000
      return { key: `${Math.floor(next() * 50)}`, value: new Uint8Array(size), headers: {} }
    })
    await log.append('topic', records)
    mostUsed = Math.max(mostUsed, log.stats.usedBytes)
    clock.nowMs += 1
  }
  t.ok(log.stats.appendedBytes > 10 * maxBytes)
  const { extentBytes, fileBytes } = log.stats
  t.comment(
    `${(extentBytes / maxBytes).toFixed(2)} times the limit, ${(mostUsed / maxBytes).toFixed(2)} used`,
  )
  t.equal(statSync(join(path, 'data.mdb')).size, fileBytes)
  t.ok(mostUsed <= 1.25 * maxBytes, `${mostUsed} bytes were used`)
  t.ok(extentBytes <= 2 * maxBytes, `${extentBytes} bytes were used at one time or another`)
  t.ok(fileBytes <= extentBytes + 6 * MIB, `the file has ${fileBytes} bytes`)
})

t.test('a limit that was lowered is kept step by step, and appends wait until it nearly is', async (t) => {
  const { log, reopen, clock } = await openEmbedded(t, { partitions: 1, maxBytes: 64 * MIB })
  for (let i = 0; i < 600; i++) {
    await log.append('topic', [{ value: new Uint8Array(8000).fill(i), headers: {} }])
    clock.nowMs += 1
  }
  await log.close()
  const smaller = await reopen({ maxBytes: MIB })
  await smaller.append('topic', [text('new')])
  t.ok(smaller.stats.usedBytes <= 1.25 * MIB, `${smaller.stats.usedBytes} bytes are used`)
  const values = await valuesOf(smaller, 'topic-0')
  t.equal(values.at(-1), 'new')
  t.ok(values.length > 50 && values.length < 130, `${values.length} of 601 records are left`)
})

t.test('a record larger than the limit is kept until the next one', async (t) => {
  const { log } = await openEmbedded(t, { partitions: 1, maxBytes: 100_000 })
  for (const name of ['a', 'b']) {
    await log.append('topic', [{ key: name, value: new Uint8Array(300_000), headers: {} }])
    await log.append('topic', [text('small')])
    t.equal((await valuesOf(log, 'topic-0')).length, 1, 'only the newest is left')
  }
})
