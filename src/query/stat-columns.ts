import { DecodeError } from '../event/decode-error.ts'
import { HISTOGRAM_BUCKETS } from '../rollup/histogram.ts'
import type { SparseCounts, StatBlob } from '../rollup/stat-blob.ts'
import type { SeriesTable } from './series-table.ts'

/**
 * A cell is a histogram's bucket and a count of it in one number, the count in the lower bits; a larger count takes
 * several cells. Adding them up is what queries spend most of their time on, and one load a cell is a quarter faster
 * than two (bench: stat).
 */
export const CELL_BITS = 21
export const CELL_COUNT = 2 ** CELL_BITS - 1

/** Bytes of a block's objects, its arrays' content left out. An estimate. */
const BYTES_A_BLOCK = 1500

/** A `StatBlock` as queries read it: rows by their series' number in a table, outcomes summed. Immutable. */
export interface StatColumns {
  readonly table: SeriesTable
  /** The series of each row. Blocks of the same series share it. */
  readonly series: Int32Array
  /** Those that have any requests, and any connections: the same array as `series` where all do. */
  readonly requesting: Int32Array
  readonly connecting: Int32Array
  readonly requests: Float64Array
  readonly failures: Float64Array
  /**
   * How requests ended, but for successes without a reason, which nearly all are: so much is read of every block, for the
   * few questions that ask for it. Row `endedRow[i]` counts `ended[i]` requests of the table's outcome `endedHow[i]`.
   */
  readonly endedRow: Int32Array
  readonly endedHow: Int32Array
  readonly ended: Float64Array
  /** TLS identities: row `identityRow[i]` has the table's `identity[i]` of an end (`CLIENT`, `SERVER`). */
  readonly identityRow: Uint32Array
  readonly identityEnd: Uint8Array
  readonly identity: Int32Array
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
  /** Whether any row does. Where none does, the columns below have no rows. */
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

const NONE = new Float64Array(0)
const NO_INDEX = new Int32Array(0)

/** A blob's rows by a table's numbers; `place` is where the blob's series come from: see `SeriesTable.internAll`. */
export function statColumns(blob: StatBlob, table: SeriesTable, place: string): StatColumns {
  const { lowest, highest, ...latencies } = packLatencies(blob.latencySteps())
  const series = table.internAll(place, blob)
  const sums = { ...sumOutcomes(blob, table), ...connections(blob), ...identities(blob, table) }
  const requesting = having(series, sums.requests)
  const connecting = having(series, sums.connected)
  const columns = { series, requesting, connecting, ...sums, ...latencies, lastMs: blob.sum('lastMs') }
  const arrays = new Set<ArrayBufferView>(Object.values(columns))
  let bytes = BYTES_A_BLOCK
  for (const { byteLength } of arrays) bytes += byteLength
  return { ...columns, table, isConnected: connecting.length > 0, lowest, highest, bytes }
}

/** The series whose rows are not zero. */
function having(series: Int32Array, values: Float64Array | Uint8Array): Int32Array {
  return values.includes(0) ? series.filter((_, row) => values[row] !== 0) : series
}

/** The same rows by another table's numbers. */
export function rebase(columns: StatColumns, table: SeriesTable): StatColumns {
  if (columns.table === table) return columns
  const moved = (series: Int32Array) => series.map((id) => table.intern(columns.table.key(id)))
  const { series, requesting, connecting, endedHow, identity } = columns
  return {
    ...columns,
    table,
    endedHow: endedHow.map((id) => table.internOutcome(columns.table.outcome(id))),
    identity: identity.map((id) => table.internIdentity(columns.table.identity(id))),
    series: moved(series),
    requesting: moved(requesting),
    connecting: moved(connecting),
  }
}

type Identities = Pick<StatColumns, 'identityRow' | 'identityEnd' | 'identity'>

function identities(blob: StatBlob, table: SeriesTable): Identities {
  const { row, end, identity } = blob.identities()
  return {
    identityRow: row,
    identityEnd: end,
    identity: Int32Array.from(identity, (text) => table.internIdentity(text)),
  }
}

type Latencies = Pick<StatColumns, 'cellStart' | 'cells' | 'lowest' | 'highest'>

function packLatencies({ start, index: steps, count: counts }: SparseCounts): Latencies {
  const rows = start.length - 1
  const cellStart = new Uint32Array(rows + 1)
  const cells = new Uint32Array(cellsOf(counts))
  let lowest = HISTOGRAM_BUCKETS
  let highest = -1
  let next = 0
  for (let row = 0; row < rows; row++) {
    const first = start[row]!
    const end = start[row + 1]!
    let bucket = 0
    for (let i = first; i < end; i++) {
      bucket += steps[i]!
      let rest = counts[i]!
      for (; rest > CELL_COUNT; rest -= CELL_COUNT) cells[next++] = (bucket << CELL_BITS) | CELL_COUNT
      cells[next++] = (bucket << CELL_BITS) | rest
    }
    // Ascending: the first is the smallest, the last the largest.
    if (end > first && steps[first]! < lowest) lowest = steps[first]!
    if (bucket > highest && end > first) highest = bucket
    cellStart[row + 1] = next
  }
  if (highest >= HISTOGRAM_BUCKETS)
    throw new DecodeError('index', `bucket ${highest}`, 'is beyond the histogram')
  return { cellStart, cells, lowest, highest }
}

/** How many cells counts take: one each, more of those that are larger than a cell counts. */
function cellsOf(counts: Float64Array): number {
  let cells = counts.length
  for (let i = 0; i < counts.length; i++) {
    if (counts[i]! > CELL_COUNT) cells += Math.ceil(counts[i]! / CELL_COUNT) - 1
  }
  return cells
}

type Connections = Pick<StatColumns, 'connected' | (typeof CONNECTION_SUMS)[number]>

const CONNECTION_SUMS = ['opened', 'closed', 'open', 'openAtMs', 'readBytes', 'writtenBytes'] as const

/** Most blobs have no connections at all: then no column but `connected` has rows. */
function connections(blob: StatBlob): Connections {
  const connected = new Uint8Array(blob.rows)
  if (!CONNECTION_SUMS.some((name) => blob.has(name))) {
    return {
      connected,
      opened: NONE,
      closed: NONE,
      open: NONE,
      openAtMs: NONE,
      readBytes: NONE,
      writtenBytes: NONE,
    }
  }
  const sums = {
    opened: blob.sum('opened'),
    closed: blob.sum('closed'),
    open: blob.sum('open'),
    openAtMs: blob.sum('openAtMs'),
    readBytes: blob.sum('readBytes'),
    writtenBytes: blob.sum('writtenBytes'),
  }
  const telling = [sums.opened, sums.closed, sums.openAtMs, sums.readBytes, sums.writtenBytes]
  for (let row = 0; row < blob.rows; row++) if (telling.some((sum) => sum[row]! > 0)) connected[row] = 1
  return { connected, ...sums }
}

type Outcomes = Pick<StatColumns, 'requests' | 'failures' | 'endedRow' | 'endedHow' | 'ended'>

function sumOutcomes(blob: StatBlob, table: SeriesTable): Outcomes {
  const counts = blob.outcomeCounts()
  const { start, index, count } = counts
  const requests = new Float64Array(blob.rows)
  const failures = new Float64Array(blob.rows)
  const outcomes = blob.outcomes()
  const isFailure = Uint8Array.from(outcomes, ({ classification }) => (classification === 'failure' ? 1 : 0))
  const isTold = Uint8Array.from(outcomes, ({ reason }, i) => (reason !== '' || isFailure[i] === 1 ? 1 : 0))
  let told = 0
  for (let row = 0; row < blob.rows; row++) {
    for (let i = start[row]!; i < start[row + 1]!; i++) {
      requests[row]! += count[i]!
      if (isTold[index[i]!] !== 1) continue
      told++
      if (isFailure[index[i]!] === 1) failures[row]! += count[i]!
    }
  }
  if (told === 0) return { requests, failures, endedRow: NO_INDEX, endedHow: NO_INDEX, ended: NONE }
  const endedRow = new Int32Array(told)
  const endedHow = new Int32Array(told)
  const ended = new Float64Array(told)
  const ids = outcomes.map((key, i) => (isTold[i] === 1 ? table.internOutcome(key) : -1))
  let next = 0
  for (let row = 0; next < told; row++) {
    for (let i = start[row]!; i < start[row + 1]!; i++) {
      if (isTold[index[i]!] !== 1) continue
      endedRow[next] = row
      endedHow[next] = ids[index[i]!]!
      ended[next++] = count[i]!
    }
  }
  return { requests, failures, endedRow, endedHow, ended }
}
