import type { SeriesTable } from './series-table.ts'
import type { StatColumns } from './stat-columns.ts'

/** The distinct series of some blocks that have something in a column, in the order in which they are first met. */
export function seriesHaving(
  blocks: readonly StatColumns[],
  table: SeriesTable,
  column: 'requests' | 'connected' | 'lastMs',
): Int32Array {
  const isMet = new Uint8Array(table.size)
  const met = new Int32Array(table.size)
  let count = 0
  for (const block of blocks) {
    const { series } = block
    const values = block[column]
    for (let row = 0; row < series.length; row++) {
      const id = series[row]!
      if (isMet[id] === 1 || values[row] === 0) continue
      isMet[id] = 1
      met[count++] = id
    }
  }
  return met.subarray(0, count)
}
