import { HISTOGRAM_BUCKETS } from '../rollup/histogram.ts'
import type { StatBlock } from '../rollup/stat-block.ts'
import type { SeriesTable } from './series-table.ts'

/**
 * A cell is a histogram's bucket and a count of it in one number, the count in the lower bits; a larger count takes
 * several cells. Adding them up is what queries spend most of their time on, and one load a cell is a quarter faster
 * than two (bench: stat).
 */
export const CELL_BITS = 21
export const CELL_COUNT = 2 ** CELL_BITS - 1

/** A `StatBlock` as queries read it: rows by their series' number in a table, outcomes summed. Immutable. */
export interface StatColumns {
  readonly table: SeriesTable
  /** The series of each row. */
  readonly series: Int32Array
  readonly requests: Float64Array
  readonly failures: Float64Array
  /** Row `i` owns the cells `[cellStart[i], cellStart[i + 1])`. */
  readonly cellStart: Uint32Array
  /** Latencies: see `CELL_BITS`. */
  readonly cells: Uint32Array
  /** Smallest and largest bucket index; `lowest` is the larger where there is no latency at all. */
  readonly lowest: number
  readonly highest: number
  readonly lastMs: Float64Array
  /** 1 where a row counts any connection event. */
  readonly connected: Uint8Array
  /** Whether any row does. */
  readonly isConnected: boolean
  readonly opened: Float64Array
  readonly closed: Float64Array
  readonly open: Float64Array
  readonly openAtMs: Float64Array
  readonly readBytes: Float64Array
  readonly writtenBytes: Float64Array
  /** Memory held, the table's left out. */
  readonly bytes: number
}

type Latencies = Pick<StatColumns, 'cellStart' | 'cells' | 'lowest' | 'highest'>

export function statColumns(block: StatBlock, table: SeriesTable): StatColumns {
  const rows = block.keys.length
  const series = new Int32Array(rows)
  const connected = new Uint8Array(rows)
  for (let row = 0; row < rows; row++) {
    series[row] = table.intern(block.keys[row]!)
    if (isConnected(block, row)) connected[row] = 1
  }
  const { lowest, highest, ...latencies } = packLatencies(block)
  const columns = {
    ...sumOutcomes(block),
    ...latencies,
    lastMs: block.lastMs,
    opened: block.opened,
    closed: block.closed,
    open: block.open,
    openAtMs: block.openAtMs,
    readBytes: block.readBytes,
    writtenBytes: block.writtenBytes,
    series,
    connected,
  }
  const bytes = Object.values(columns).reduce((sum, column) => sum + column.byteLength, 0)
  return { ...columns, table, isConnected: connected.includes(1), lowest, highest, bytes }
}

/** The same rows by another table's numbers. */
export function rebase(columns: StatColumns, table: SeriesTable): StatColumns {
  if (columns.table === table) return columns
  return { ...columns, table, series: columns.series.map((id) => table.intern(columns.table.key(id))) }
}

function packLatencies({ latencyStart, latencyIndex, latencyCount }: StatBlock): Latencies {
  const rows = latencyStart.length - 1
  const cellStart = new Uint32Array(rows + 1)
  const cells = new Uint32Array(cellsOf(latencyCount))
  let lowest = HISTOGRAM_BUCKETS
  let highest = -1
  let next = 0
  for (let row = 0; row < rows; row++) {
    for (let i = latencyStart[row]!; i < latencyStart[row + 1]!; i++) {
      const bucket = latencyIndex[i]!
      if (bucket < lowest) lowest = bucket
      if (bucket > highest) highest = bucket
      let rest = latencyCount[i]!
      for (; rest > CELL_COUNT; rest -= CELL_COUNT) cells[next++] = (bucket << CELL_BITS) | CELL_COUNT
      cells[next++] = (bucket << CELL_BITS) | rest
    }
    cellStart[row + 1] = next
  }
  return { cellStart, cells, lowest, highest }
}

/** How many cells counts take: one each, more of those that are larger than a cell counts. */
function cellsOf(counts: Float64Array): number {
  let cells = counts.length
  for (const count of counts) if (count > CELL_COUNT) cells += Math.ceil(count / CELL_COUNT) - 1
  return cells
}

function isConnected(block: StatBlock, row: number): boolean {
  return (
    block.openAtMs[row]! > 0 ||
    block.opened[row]! > 0 ||
    block.closed[row]! > 0 ||
    block.readBytes[row]! > 0 ||
    block.writtenBytes[row]! > 0
  )
}

function sumOutcomes(block: StatBlock): { requests: Float64Array; failures: Float64Array } {
  const rows = block.keys.length
  const requests = new Float64Array(rows)
  const failures = new Float64Array(rows)
  const failed = block.outcomes.map((outcome) => outcome.classification === 'failure')
  for (let row = 0; row < rows; row++) {
    for (let i = block.outcomeStart[row]!; i < block.outcomeStart[row + 1]!; i++) {
      const count = block.outcomeCount[i]!
      requests[row]! += count
      if (failed[block.outcomeIndex[i]!]!) failures[row]! += count
    }
  }
  return { requests, failures }
}
