import type { SeriesTable } from './series-table.ts'
import type { StatColumns } from './stat-columns.ts'

/**
 * The distinct series of some blocks, of the given ones of each, in the order in which they are first met. What several
 * blocks share is looked at once.
 */
export function seriesHaving(
  blocks: readonly StatColumns[],
  table: SeriesTable,
  column: 'series' | 'requesting' | 'connecting',
): Int32Array {
  const isMet = new Uint8Array(table.size)
  const met = new Int32Array(table.size)
  let count = 0
  for (const series of new Set(blocks.map((block) => block[column]))) {
    for (let row = 0; row < series.length; row++) {
      const id = series[row]!
      if (isMet[id] === 1) continue
      isMet[id] = 1
      met[count++] = id
    }
  }
  return met.subarray(0, count)
}
