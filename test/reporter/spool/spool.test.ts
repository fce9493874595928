import { appendFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { NumberedBatch } from '../../../src/reporter/batch-sink.ts'
import { Spool, type SpoolOptions } from '../../../src/reporter/spool/spool.ts'

const KIB = 1024

function batch(sequence: number, size = 10, producer = 'life-1'): NumberedBatch {
  return { producer, sequence, events: sequence * 10, bytes: new Uint8Array(size).fill(sequence) }
}

async function openSpool(t: Test, options: Partial<SpoolOptions> = {}) {
  const spool = await Spool.open({ directory: join(t.testdirName, 'spool'), isSynced: false, ...options })
  t.teardown(() => spool.close())
  return spool
}

async function appendAll(spool: Spool, batches: readonly NumberedBatch[]): Promise<void> {
  for (let done = 0; done < batches.length;) done += await spool.append(batches.slice(done))
}

async function takeAll(spool: Spool): Promise<NumberedBatch[]> {
  const taken: NumberedBatch[] = []
  for (let head = await spool.head(); head !== undefined; head = await spool.head()) {
    taken.push(head)
    await spool.shift(head)
  }
  return taken
}

function files(spool: Spool): string[] {
  return readdirSync(spool.directory)
    .filter((name) => name.endsWith('.spool'))
    .map((name) => join(spool.directory, name))
}

t.test('batches come back in order, with number and bytes, and leave no file', async (t) => {
  t.testdir()
  const spool = await openSpool(t, { isSynced: true })
  t.ok(spool.isEmpty)
  const batches = [batch(1), batch(2), batch(3, 100_000), batch(4)]
  await appendAll(spool, batches)
  t.match(spool.stats, { batches: 4, events: 100, recovered: 0 })
  t.notOk(spool.isEmpty)
  t.same(await takeAll(spool), batches)
  t.match(spool.stats, { batches: 0, events: 0, bytes: 0, lost: { full: 0, damaged: 0 } })
  t.same(files(spool), [])
})

t.test('a later life goes on where the former one ended, and numbers files anew', async (t) => {
  t.testdir()
  const first = await openSpool(t, { maxBytes: 1024 * KIB })
  const batches = Array.from({ length: 8 }, (_, i) => batch(i + 1, 40 * KIB))
  await appendAll(first, batches)
  t.ok(files(first).length > 1)
  for (const one of batches.slice(0, 3)) {
    t.same(await first.head(), one)
    await first.shift(one)
  }
  await first.close()
  const second = await openSpool(t, { maxBytes: 1024 * KIB })
  t.match(second.stats, { batches: 5, events: 300, recovered: 300, tornBytes: 0 })
  await second.append([batch(1, 10, 'life-2')])
  t.same(await takeAll(second), [...batches.slice(3), batch(1, 10, 'life-2')])
  t.same(files(second), [])
})

t.test('only the batch that was sent is taken away', async (t) => {
  t.testdir()
  const spool = await openSpool(t)
  await appendAll(spool, [batch(1), batch(2)])
  await spool.shift(batch(2))
  await spool.shift(batch(1, 10, 'life-2'))
  t.equal(spool.stats.batches, 2)
  await spool.shift(batch(1))
  t.same(await takeAll(spool), [batch(2)])
})

t.test('beyond its bytes the oldest files go, counted', async (t) => {
  t.testdir()
  const spool = await openSpool(t, { maxBytes: 1024 * KIB })
  const told: string[] = []
  spool.onLost = (why, { lost }) => told.push(`${why} ${lost.full}`)
  const batches = Array.from({ length: 40 }, (_, i) => batch(i + 1, 50 * KIB))
  await spool.append([batches[0]!])
  await spool.head()
  await appendAll(spool, batches.slice(1))
  const { bytes, events, lost } = spool.stats
  t.ok(bytes <= 1024 * KIB && bytes > 800 * KIB, `${bytes} bytes`)
  t.equal(
    events + lost.full,
    batches.reduce((sum, one) => sum + one.events, 0),
  )
  t.ok(lost.full > 0)
  t.equal(told.at(-1), `full ${lost.full}`)
  const kept = await takeAll(spool)
  t.same(kept, batches.slice(-kept.length))
})

t.test('a torn end is cut off, wherever it is torn, and what is before it is whole', async (t) => {
  t.testdir()
  const spool = await openSpool(t)
  await appendAll(spool, [batch(1), batch(2), batch(3)])
  const [path] = files(spool)
  await spool.close()
  const whole = readFileSync(path!)
  const recordBytes = (whole.length - 8) / 3
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(path!, whole)
    truncateSync(path!, length)
    const again = await Spool.open({ directory: spool.directory })
    const count = Math.max(0, Math.floor((length - 8) / recordBytes))
    const { batches, tornBytes } = again.stats
    t.equal(batches, count, `${length} of ${whole.length} bytes`)
    t.equal(tornBytes, length <= 8 ? 0 : length - 8 - count * recordBytes)
    t.equal((await takeAll(again)).length, count)
    await again.close()
  }
})

t.test('damage anywhere is never taken for a batch', async (t) => {
  t.testdir()
  const spool = await openSpool(t)
  const batches = [batch(1), batch(2), batch(3)]
  await appendAll(spool, batches)
  const [path] = files(spool)
  await spool.close()
  const whole = readFileSync(path!)
  const known = new Set(batches.map((one) => JSON.stringify(one)))
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 8, max: whole.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, change) => {
        const damaged = Buffer.from(whole)
        damaged[at] = damaged[at]! ^ change
        writeFileSync(path!, damaged)
        const again = await Spool.open({ directory: spool.directory })
        const taken = await takeAll(again)
        await again.close()
        return taken.every((one) => known.has(JSON.stringify(one)))
      },
    ),
    { numRuns: 200 },
  )
})

t.test('a file that breaks while it is used is lost, counted, and not in the way', async (t) => {
  t.testdir()
  const spool = await openSpool(t, { maxBytes: 1024 * KIB })
  await appendAll(
    spool,
    Array.from({ length: 3 }, (_, i) => batch(i + 1, 70 * KIB)),
  )
  truncateSync(files(spool)[0]!, 1000)
  t.same(await takeAll(spool), [batch(2, 70 * KIB), batch(3, 70 * KIB)])
  t.same(spool.stats.lost, { full: 0, damaged: 10 })
})

t.test('zeros, as a crash of the machine leaves them, are torn', async (t) => {
  t.testdir()
  const spool = await openSpool(t)
  await spool.append([batch(1)])
  const [path] = files(spool)
  await spool.close()
  appendFileSync(path!, Buffer.alloc(4096))
  const again = await openSpool(t)
  t.match(again.stats, { batches: 1, tornBytes: 4096 })
})

t.test('a directory has one user; a lock of a process that is no more does not count', async (t) => {
  t.testdir()
  const spool = await openSpool(t)
  const { directory } = spool
  await t.rejects(Spool.open({ directory }), {
    name: 'SpoolError',
    code: 'SPOOL_IN_USE',
    message: `cannot spool to ${directory}: another reporter of this process does; each reporter needs a directory of its own`,
  })
  await spool.close()
  t.notOk(existsSync(join(directory, 'lock')))
  // The parent is another process that lives.
  const stat = readFileSync(`/proc/${process.ppid}/stat`, 'latin1')
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  writeFileSync(join(directory, 'lock'), `${process.ppid} ${started}\n`)
  await t.rejects(Spool.open({ directory }), { code: 'SPOOL_IN_USE' })
  writeFileSync(join(directory, 'lock'), `${process.ppid} 1\n`)
  await (await Spool.open({ directory })).close()
  writeFileSync(join(directory, 'lock'), '')
  await (await Spool.open({ directory })).close()
})

t.test('what cannot be is refused', async (t) => {
  const directory = t.testdir({ file: '', other: { '000000000001.spool': 'something else' } })
  await t.rejects(Spool.open({ directory, maxBytes: 1000 }), RangeError)
  await t.rejects(Spool.open({ directory: join(directory, 'file') }), { code: 'EEXIST' })
  await t.rejects(Spool.open({ directory: join(directory, 'other') }), { code: 'SPOOL_FORMAT' })
  await t.rejects(Spool.open({ directory: join(directory, 'other') }), { code: 'SPOOL_FORMAT' }, 'not locked')
})
