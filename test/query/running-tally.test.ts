import fc from 'fast-check'
import t from 'tap'
import { RunningTallies } from '../../src/query/running-tallies.ts'
import { RunningTally } from '../../src/query/running-tally.ts'
import { SeriesTable } from '../../src/query/series-table.ts'
import type { StatColumns } from '../../src/query/stat-columns.ts'
import { tally } from '../../src/query/tally.ts'
import { foldAll, trafficEvents } from '../rollup/traffic.ts'
import { columnsOfBlock } from './columns.ts'
import { request, times } from './events.ts'

/** Blocks of one table, of some scopes and buckets: numbers stand for them in what follows. */
const pool = fc
  .array(fc.array(trafficEvents({ fromMs: 10_000, toMs: 19_999 }), { maxLength: 30 }), {
    minLength: 1,
    maxLength: 5,
  })
  .map((folds) => {
    const table = new SeriesTable()
    const blocks = folds.flatMap((events) => {
      const { rollup } = foldAll(events)
      return rollup.scopes().map((scope) => columnsOfBlock(rollup.block(scope), table))
    })
    return { table, blocks }
  })

/** One time that a question is asked: which blocks are read, which row each series is in, what the cache lets go of. */
const asked = fc.record({
  reads: fc.array(fc.nat(9), { maxLength: 8 }),
  rows: fc.integer({ min: 1, max: 6 }),
  shift: fc.nat(5),
  unkept: fc.array(fc.nat(9), { maxLength: 3 }),
  gone: fc.array(fc.nat(9), { maxLength: 2 }),
})

t.test('counts kept from one answer to the next are those added up anew', async (t) => {
  fc.assert(
    fc.property(pool, fc.array(asked, { minLength: 1, maxLength: 12 }), ({ table, blocks }, steps) => {
      const running = new RunningTally(table)
      const of = (numbers: readonly number[]) =>
        new Set(numbers.flatMap((number) => (blocks.length === 0 ? [] : [blocks[number % blocks.length]!])))
      for (const { reads, rows, shift, unkept, gone } of steps) {
        const wanted = [...of(reads)]
        // The rows of an answer are numbered anew each time, and some were not there the last time.
        const labels = Array.from({ length: rows }, (_, row) => ({ id: String((row + shift) % 7) }))
        const slotOf = Int32Array.from(
          { length: table.size },
          (_, series) => ((series + shift) % (rows + 1)) - 1,
        )
        const transient = of(unkept)
        const got = running.update(
          { table, blocks: wanted, slotOf, labels },
          (block) => !transient.has(block),
        )
        t.strictSame(got, tally(wanted, slotOf, rows))
        t.equal(running.blocks, wanted.filter((block) => !transient.has(block)).length)
        for (const block of of(gone)) running.forget(block)
      }
      return t.passing()
    }),
    { seed: 51, numRuns: 150 },
  )
})

/** A block of as many requests to each of some workloads, and what asks for a row of each. */
function asking(table: SeriesTable, workloads: number, latencyMicros: number) {
  const { rollup } = foldAll(times(workloads, (i) => request('bot', `web${i}`, { latencyMicros })))
  const blocks = rollup.scopes().map((scope) => columnsOfBlock(rollup.block(scope), table))
  const labels = times(workloads, (i) => ({ id: `${latencyMicros}/${i}` }))
  return { table, blocks, labels, slotOf: Int32Array.from(labels.keys()) }
}

const isKept = () => true

t.test('questions nobody asks make room for others, and those that are asked do not', async (t) => {
  const question = asking(new SeriesTable(), 10, 1000)
  const want = tally(question.blocks, question.slotOf, 10)
  let nowMs = 0
  const maxBytes = 10_000
  const tallies = new RunningTallies({ maxBytes, isKept, now: () => nowMs })
  const ask = (...ids: readonly string[]) => {
    for (const id of ids) t.strictSame(tallies.tally(id, question), want)
    const { questions, bytes, evictions, declined } = tallies.stats
    t.ok(bytes <= maxBytes && bytes > 8000, `${bytes} bytes`)
    return [questions, evictions, declined]
  }
  t.strictSame(ask('a', 'b', 'c', 'd'), [4, 0, 0])
  t.strictSame(ask('e', 'e', 'a'), [4, 0, 2])
  nowMs += 20_000
  t.strictSame(ask('a', 'c', 'e'), [4, 0, 3])
  nowMs += 10_000
  t.strictSame(ask('e'), [4, 1, 3], 'b was asked longest ago')
  t.strictSame(ask('f', 'b'), [4, 2, 4], 'd was the last that was idle')
  tallies.clear()
  t.match(tallies.stats, { questions: 0, bytes: 0, evictions: 6 })
})

t.test('what takes more than half of the bound is answered, counted and not kept', async (t) => {
  const question = asking(new SeriesTable(), 100, 1000)
  const tallies = new RunningTallies({ maxBytes: 30_000, isKept, now: () => 0 })
  t.strictSame(tallies.tally('a', question), tally(question.blocks, question.slotOf, 100))
  t.strictSame(tallies.stats, { questions: 0, bytes: 0, evictions: 0, declined: 1 })
})

t.test('rows that are no longer asked for do not pile up', async (t) => {
  const table = new SeriesTable()
  const { blocks, slotOf } = asking(table, 400, 1000)
  const tallies = new RunningTallies({ maxBytes: 100 * 2 ** 20, isKept, now: () => 0 })
  const sizes = times(20, (round) => {
    const labels = times(400, (i) => ({ id: `${round}/${i}` }))
    t.strictSame(tallies.tally('a', { table, blocks, slotOf, labels }), tally(blocks, slotOf, 400))
    return tallies.stats.bytes
  })
  t.ok(Math.max(...sizes.slice(10)) <= Math.max(...sizes.slice(0, 10)), String(sizes))
})

t.test('counts by the numbers of another table are made anew', async (t) => {
  const tallies = new RunningTallies({ maxBytes: 2 ** 20, isKept, now: () => 0 })
  const tables = [new SeriesTable(), new SeriesTable()]
  const [first, second] = tables.map((table) => asking(table, 5, 1000))
  tallies.tally('a', first!)
  const blocks: StatColumns[] = second!.blocks
  t.strictSame(tallies.tally('a', second!), tally(blocks, second!.slotOf, 5))
})
