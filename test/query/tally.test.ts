import fc from 'fast-check'
import t from 'tap'
import { HISTOGRAM_BUCKETS, quantileMicros, typicalMicros } from '../../src/rollup/histogram.ts'
import { Rollup } from '../../src/rollup/rollup.ts'
import { seriesHaving } from '../../src/query/series-having.ts'
import { tallyOutcomes } from '../../src/query/outcome-tally.ts'
import { SeriesTable } from '../../src/query/series-table.ts'
import { CELL_BITS, CELL_COUNT, rebase } from '../../src/query/stat-columns.ts'
import { tally } from '../../src/query/tally.ts'
import { request } from './events.ts'
import { columnsOfBlock } from './columns.ts'
import { foldAll, trafficEvents } from '../rollup/traffic.ts'

const blocks = fc
  .array(fc.array(trafficEvents({ fromMs: 10_000, toMs: 19_999 }), { maxLength: 60 }), { maxLength: 4 })
  .map((folds) =>
    folds.flatMap((events) => {
      const { rollup } = foldAll(events)
      return rollup.scopes().map((scope) => rollup.block(scope))
    }),
  )

t.test('quantiles are those of the histogram, however many rows are held at once', async (t) => {
  fc.assert(
    fc.property(blocks, fc.integer({ min: 1, max: 5 }), (list, rows) => {
      const table = new SeriesTable()
      const columns = list.map((block) => columnsOfBlock(block, table))
      const slotOf = Int32Array.from({ length: table.size }, (_, series) => (series % (rows + 1)) - 1)
      const sums = tally(columns, slotOf, rows)
      for (const maxCells of [1, 3000]) t.strictSame(tally(columns, slotOf, rows, maxCells), sums)
      const counts = new Float64Array(rows * HISTOGRAM_BUCKETS)
      for (const { keys, latencyStart, latencyIndex, latencyCount } of list) {
        keys.forEach((key, row) => {
          const slot = slotOf[table.intern(key)]!
          if (slot < 0) return
          for (let i = latencyStart[row]!; i < latencyStart[row + 1]!; i++) {
            counts[slot * HISTOGRAM_BUCKETS + latencyIndex[i]!]! += latencyCount[i]!
          }
        })
      }
      for (let slot = 0; slot < rows; slot++) {
        const want = [0.5, 0.95, 0.99].map((q) =>
          quantileMicros(counts, slot * HISTOGRAM_BUCKETS, sums.requests[slot]!, q),
        )
        t.strictSame([...sums.quantiles.subarray(3 * slot, 3 * slot + 3)], want)
      }
      return t.passing()
    }),
    { seed: 41, numRuns: 60 },
  )
})

t.test('counts of any size are counted whole', async (t) => {
  const rollup = new Rollup()
  const key = foldAll([request('bot', 'web')]).rollup.block('east/emojivoto').keys[0]!
  const outcome = rollup.outcomes.index({
    status: 200,
    grpcStatus: -1,
    classification: 'success',
    reason: '',
  })
  const counts = [1, 2 ** 21 - 1, 2 ** 21, 2 ** 33 + 5, 3]
  counts.forEach((count, i) => rollup.addRequest(rollup.slot(key), outcome, 1279 - i, count))
  const times = { firstMs: 1, lastMs: 1 }
  rollup.addSums(rollup.slot(key), { latencySumMicros: 0, requestBytes: 0, responseBytes: 0, ...times })
  const table = new SeriesTable()
  const columns = columnsOfBlock(rollup.block('east/emojivoto'), table)
  const cells = [...columns.cells].map((cell) => [cell >>> CELL_BITS, cell & CELL_COUNT] as const)
  counts.forEach((count, i) => {
    const own = cells.filter(([bucket]) => bucket === 1279 - i)
    t.equal(
      own.reduce((sum, [, part]) => sum + part, 0),
      count,
    )
  })
  const { requests, quantiles } = tally([columns], new Int32Array(1), 1)
  t.strictSame([...requests], [counts.reduce((sum, count) => sum + count)])
  t.equal(quantiles[0], typicalMicros(1276))
})

t.test('blobs of the same place share their series while these are the same', async (t) => {
  fc.assert(
    fc.property(blocks, (list) => {
      const table = new SeriesTable()
      for (const block of [...list, ...list]) {
        const first = columnsOfBlock(block, table, 'here')
        const { bytes } = table
        const again = columnsOfBlock(block, table, 'here')
        t.equal(again.series, first.series)
        t.equal(table.bytes, bytes)
        t.strictSame(
          [...first.series].map((id) => table.key(id).id),
          block.keys.map(({ id }) => id),
        )
        t.strictSame(columnsOfBlock(block, table, 'there').series, first.series)
      }
      return t.passing()
    }),
    { seed: 43, numRuns: 40 },
  )
})

t.test('blocks of another table are the same rows by other numbers', async (t) => {
  fc.assert(
    fc.property(blocks, (list) => {
      const table = new SeriesTable()
      const other = new SeriesTable()
      // The other table knows the same series in another order.
      for (const block of list.toReversed()) for (const key of block.keys) other.intern(key)
      for (const block of list) {
        const columns = columnsOfBlock(block, table)
        const moved = rebase(columns, other)
        t.strictSame(
          [...moved.series].map((id) => other.key(id).id),
          block.keys.map(({ id }) => id),
        )
        t.equal(rebase(moved, other), moved)
        t.equal(seriesHaving([columns, columns], table, 'series').length, block.keys.length)
      }
      return t.passing()
    }),
    { seed: 42, numRuns: 40 },
  )
})

t.test('outcomes are the same where only those that count anything are held', async (t) => {
  fc.assert(
    fc.property(blocks, fc.integer({ min: 1, max: 5 }), (list, rows) => {
      const table = new SeriesTable()
      const columns = list.map((block) => columnsOfBlock(block, table))
      const slotOf = Int32Array.from({ length: table.size }, (_, series) => (series % (rows + 1)) - 1)
      const texts = (maxPlaces?: number) =>
        tallyOutcomes(columns, slotOf, rows, maxPlaces).map((row) =>
          row
            .map(({ outcome, requests }) => `${outcome.status} ${requests}`)
            .toSorted((a, b) => (a < b ? -1 : 1)),
        )
      const dense = texts()
      t.strictSame(texts(0), dense)
      const failures = tally(columns, slotOf, rows).failures
      t.strictSame(
        tallyOutcomes(columns, slotOf, rows).map((row) =>
          row.reduce((sum, { requests }) => sum + requests, 0),
        ),
        [...failures],
        'without reasons, what is told are the failures',
      )
      return t.passing()
    }),
    { seed: 43, numRuns: 40 },
  )
})
