import type { SeriesTable } from '../../src/query/series-table.ts'
import { type StatColumns, statColumns } from '../../src/query/stat-columns.ts'
import { StatBlob } from '../../src/rollup/stat-blob.ts'
import type { StatBlock } from '../../src/rollup/stat-block.ts'
import { encodeStatBlock } from '../../src/rollup/stat-block-codec.ts'

/** A block as a query reads it from the store. */
export function columnsOfBlock(block: StatBlock, table: SeriesTable, place = ''): StatColumns {
  return statColumns(new StatBlob(encodeStatBlock(block)), table, place)
}
