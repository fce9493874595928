import fc from 'fast-check'
import t from 'tap'
import { HISTOGRAM_BUCKETS, quantileMicros } from '../../src/rollup/histogram.ts'
import { presentSeries } from '../../src/query/present.ts'
import { SeriesTable } from '../../src/query/series-table.ts'
import { rebase, statColumns } from '../../src/query/stat-columns.ts'
import { tally } from '../../src/query/tally.ts'
import { foldAll, trafficEvents } from '../rollup/traffic.ts'

const blocks = fc
  .array(fc.array(trafficEvents({ fromMs: 0, toMs: 9999 }), { maxLength: 60 }), { maxLength: 4 })
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
      const columns = list.map((block) => statColumns(block, table))
      const slotOf = Int32Array.from({ length: table.size }, (_, series) => (series % (rows + 1)) - 1)
      const sums = tally(columns, slotOf, rows)
      for (const maxCells of [1, 3000]) t.strictSame(tally(columns, slotOf, rows, maxCells), sums)
      const counts = new Float64Array(rows * HISTOGRAM_BUCKETS)
      for (const { series, latencyStart, latencyIndex, latencyCount } of columns) {
        series.forEach((id, row) => {
          for (let i = latencyStart[row]!; i < latencyStart[row + 1]!; i++) {
            if (slotOf[id]! >= 0)
              counts[slotOf[id]! * HISTOGRAM_BUCKETS + latencyIndex[i]!]! += latencyCount[i]!
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

t.test('blocks of another table are the same rows by other numbers', async (t) => {
  fc.assert(
    fc.property(blocks, (list) => {
      const table = new SeriesTable()
      const other = new SeriesTable()
      // The other table knows the same series in another order.
      for (const block of list.toReversed()) for (const key of block.keys) other.intern(key)
      for (const block of list) {
        const columns = statColumns(block, table)
        const moved = rebase(columns, other)
        t.strictSame(
          [...moved.series].map((id) => other.key(id).id),
          block.keys.map(({ id }) => id),
        )
        t.equal(rebase(moved, other), moved)
        t.equal(presentSeries([columns, columns], table).length, block.keys.length)
      }
      return t.passing()
    }),
    { seed: 42, numRuns: 40 },
  )
})
