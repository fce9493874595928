import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from '../event/dictionary.ts'
import { ProtobufReader } from '../event/protobuf-reader.ts'
import { ProtobufWriter } from '../event/protobuf-writer.ts'
import { checkFormat, PackedColumns, TablesReader, TablesWriter } from './block-tables.ts'
import { seriesKey, type SeriesKey } from './series.ts'
import type { OutcomeKey, StatBlock } from './stat-block.ts'

const FORMAT = 1

/** Fields of `StatSeries` in proto/rollup.proto that are sums and times, by the block's column. */
const SUMS = {
  latencySumMicros: 9,
  requestBytes: 10,
  responseBytes: 11,
  firstMs: 12,
  lastMs: 13,
  opened: 14,
  closed: 15,
  open: 16,
  openAtMs: 17,
  readBytes: 18,
  writtenBytes: 19,
} as const

/** A block as bytes (`StatBlock` of proto/rollup.proto). */
export function encodeStatBlock(block: StatBlock): Uint8Array {
  const tables = new TablesWriter()
  const rows = block.keys.length
  const column = (of: (key: SeriesKey) => number) => Float64Array.from(block.keys, of)
  const series = [
    column((key) => tables.workload(key.workload)),
    column((key) => tables.workload(key.peer)),
    column((key) => tables.string(key.pod)),
    column((key) => tables.string(key.service)),
    column((key) => tables.string(key.authority)),
    column((key) => tables.string(key.route)),
    column((key) => tables.string(key.method)),
    column(flagsOf),
  ]
  const reasons = Float64Array.from(block.outcomes, (outcome) => tables.string(outcome.reason))
  const writer = new ProtobufWriter(4096)
  writer.varint(1, FORMAT)
  tables.write(writer)
  writer.message(4, () => {
    series.forEach((values, i) => writer.packed(i + 1, values, rows))
    for (const name of Object.keys(SUMS) as (keyof typeof SUMS)[])
      writer.column(SUMS[name], block[name], rows)
  })
  writer.message(5, () => {
    const outcomes = block.outcomes.length
    const of = (value: (outcome: OutcomeKey) => number) => Float64Array.from(block.outcomes, value)
    writer.packed(
      1,
      of((outcome) => outcome.status + 1),
      outcomes,
    )
    writer.packed(
      2,
      of((outcome) => outcome.grpcStatus + 1),
      outcomes,
    )
    writer.packed(
      3,
      of((outcome) => (outcome.classification === 'failure' ? 1 : 0)),
      outcomes,
    )
    writer.packed(4, reasons, outcomes)
  })
  writer.packed(6, cellsOf(block.outcomeStart), rows)
  writer.packed(7, Float64Array.from(block.outcomeIndex), block.outcomeIndex.length)
  writer.packed(8, block.outcomeCount, block.outcomeCount.length)
  writer.packed(9, cellsOf(block.latencyStart), rows)
  writer.packed(10, stepsOf(block), block.latencyIndex.length)
  writer.packed(11, block.latencyCount, block.latencyCount.length)
  return writer.finish()
}

/** A block from bytes. Throws a DecodeError where they are not one of this program's. */
export function decodeStatBlock(bytes: Uint8Array): StatBlock {
  const reader = new ProtobufReader(bytes)
  const tables = new TablesReader()
  const cells = new PackedColumns(bytes)
  let series = new PackedColumns(bytes)
  let outcomes = new PackedColumns(bytes)
  while (!reader.done) {
    const field = reader.tag()
    if (field === 1) checkFormat(reader, FORMAT)
    else if (field === 2) tables.readString(reader)
    else if (field === 3) tables.readWorkloads(reader)
    else if (field === 4) series = PackedColumns.read(reader)
    else if (field === 5) outcomes = PackedColumns.read(reader)
    else cells.take(reader, field)
  }
  const rows = series.rows(1)
  const outcomeStart = startsOf(cells.ints(6, rows))
  const outcomeCells = outcomeStart[rows]!
  const latencyStart = startsOf(cells.ints(9, rows))
  const latencyCells = latencyStart[rows]!
  const sum = (name: keyof typeof SUMS) => series.numbers(SUMS[name], rows)
  return {
    keys: readKeys(series, rows, tables),
    outcomes: readOutcomes(outcomes, tables),
    outcomeStart,
    outcomeIndex: new Uint32Array(cells.ints(7, outcomeCells)),
    outcomeCount: cells.numbers(8, outcomeCells),
    latencyStart,
    latencyIndex: indicesOf(cells.ints(10, latencyCells), latencyStart),
    latencyCount: cells.numbers(11, latencyCells),
    latencySumMicros: sum('latencySumMicros'),
    requestBytes: sum('requestBytes'),
    responseBytes: sum('responseBytes'),
    firstMs: sum('firstMs'),
    lastMs: sum('lastMs'),
    opened: sum('opened'),
    closed: sum('closed'),
    open: sum('open'),
    openAtMs: sum('openAtMs'),
    readBytes: sum('readBytes'),
    writtenBytes: sum('writtenBytes'),
  }
}

function readKeys(columns: PackedColumns, rows: number, tables: TablesReader): SeriesKey[] {
  const column = (field: number) => columns.ints(field, rows)
  const [workload, peer, pod, service] = [column(1), column(2), column(3), column(4)]
  const [authority, route, method, flags] = [column(5), column(6), column(7), column(8)]
  return Array.from(workload, (index, row) =>
    seriesKey({
      workload: tables.workload(index),
      pod: tables.string(pod[row]!),
      direction: flags[row]! & FLAG_OUTBOUND ? 'outbound' : 'inbound',
      peer: tables.workload(peer[row]!),
      service: tables.string(service[row]!),
      authority: tables.string(authority[row]!),
      route: tables.string(route[row]!),
      method: tables.string(method[row]!),
      tls: flags[row]! & FLAG_TLS_KNOWN ? (flags[row]! & FLAG_TLS) !== 0 : undefined,
    }),
  )
}

function readOutcomes(columns: PackedColumns, tables: TablesReader): OutcomeKey[] {
  const rows = columns.rows(1)
  const [status, grpcStatus, failure, reason] = [1, 2, 3, 4].map((field) => columns.ints(field, rows))
  return Array.from({ length: rows }, (_, row) => ({
    status: status![row]! - 1,
    grpcStatus: grpcStatus![row]! - 1,
    classification: failure![row] === 1 ? 'failure' : 'success',
    reason: tables.string(reason![row]!),
  }))
}

function flagsOf({ direction, tls }: SeriesKey): number {
  const known = tls === undefined ? 0 : FLAG_TLS_KNOWN | (tls ? FLAG_TLS : 0)
  return known | (direction === 'outbound' ? FLAG_OUTBOUND : 0)
}

/** How many cells each row has, from where each begins. */
function cellsOf(start: Uint32Array): Float64Array {
  return Float64Array.from({ length: start.length - 1 }, (_, row) => start[row + 1]! - start[row]!)
}

function startsOf(cells: Int32Array): Uint32Array {
  const start = new Uint32Array(cells.length + 1)
  for (let row = 0; row < cells.length; row++) start[row + 1] = start[row]! + cells[row]!
  return start
}

/** Bucket indices as steps within each row: small numbers. */
function stepsOf({ latencyStart, latencyIndex, keys }: StatBlock): Float64Array {
  const steps = new Float64Array(latencyIndex.length)
  for (let row = 0; row < keys.length; row++) {
    let last = 0
    for (let i = latencyStart[row]!; i < latencyStart[row + 1]!; i++) {
      steps[i] = latencyIndex[i]! - last
      last = latencyIndex[i]!
    }
  }
  return steps
}

function indicesOf(steps: Int32Array, start: Uint32Array): Uint16Array {
  const indices = new Uint16Array(steps.length)
  for (let row = 0; row + 1 < start.length; row++) {
    let last = 0
    for (let i = start[row]!; i < start[row + 1]!; i++) indices[i] = last += steps[i]!
  }
  return indices
}
