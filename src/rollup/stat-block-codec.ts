import { FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from '../event/dictionary.ts'
import { ProtobufWriter } from '../event/protobuf-writer.ts'
import { TablesWriter } from './block-tables.ts'
import type { ExemplarColumns } from './exemplars.ts'
import type { SeriesKey } from './series.ts'
import { EXEMPLAR_FIELDS, IDENTITY_FIELDS, STAT_FORMAT, StatBlob, SUM_FIELDS } from './stat-blob.ts'
import type { OutcomeKey, StatBlock } from './stat-block.ts'

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
  const identities = Float64Array.from(block.identities.identity, (text) => tables.string(text))
  const writer = new ProtobufWriter(4096)
  writer.varint(1, STAT_FORMAT)
  tables.write(writer)
  writer.message(4, () => {
    series.forEach((values, i) => writer.packed(i + 1, values, rows))
    for (const name of Object.keys(SUM_FIELDS) as (keyof typeof SUM_FIELDS)[])
      writer.column(SUM_FIELDS[name], block[name], rows)
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
  if (block.exemplars.row.length > 0) writeExemplars(writer, block.exemplars)
  if (identities.length > 0) {
    const { row, end } = block.identities
    writer.packed(IDENTITY_FIELDS.step, rowSteps(row), row.length)
    writer.packed(IDENTITY_FIELDS.end, Float64Array.from(end), end.length)
    writer.packed(IDENTITY_FIELDS.identity, identities, identities.length)
  }
  return writer.finish()
}

function writeExemplars(
  writer: ProtobufWriter,
  { row, latencyMicros, timeMs, traceIds }: ExemplarColumns,
): void {
  writer.packed(EXEMPLAR_FIELDS.step, rowSteps(row), row.length)
  writer.packed(EXEMPLAR_FIELDS.latencyMicros, latencyMicros, row.length)
  writer.packed(EXEMPLAR_FIELDS.timeMs, timeMs, row.length)
  writer.bytes(EXEMPLAR_FIELDS.traceIds, traceIds)
}

/** Ascending rows, each as the step from the one before it. */
function rowSteps(row: Uint32Array): Float64Array {
  return Float64Array.from(row, (at, i) => at - (i === 0 ? 0 : row[i - 1]!))
}

/** A block from bytes. Throws a DecodeError where they are not one of this program's. */
export function decodeStatBlock(bytes: Uint8Array): StatBlock {
  const blob = new StatBlob(bytes)
  const outcomes = blob.outcomeCounts()
  const latencies = blob.latencySteps()
  return {
    keys: blob.keys(),
    outcomes: blob.outcomes(),
    outcomeStart: outcomes.start,
    outcomeIndex: new Uint32Array(outcomes.index),
    outcomeCount: outcomes.count,
    latencyStart: latencies.start,
    latencyIndex: indicesOf(latencies.index, latencies.start),
    latencyCount: latencies.count,
    latencySumMicros: blob.sum('latencySumMicros'),
    exemplars: blob.exemplars(),
    identities: blob.identities(),
    requestBytes: blob.sum('requestBytes'),
    responseBytes: blob.sum('responseBytes'),
    firstMs: blob.sum('firstMs'),
    lastMs: blob.sum('lastMs'),
    opened: blob.sum('opened'),
    closed: blob.sum('closed'),
    open: blob.sum('open'),
    openAtMs: blob.sum('openAtMs'),
    readBytes: blob.sum('readBytes'),
    writtenBytes: blob.sum('writtenBytes'),
  }
}

function flagsOf({ direction, tls }: SeriesKey): number {
  const known = tls === undefined ? 0 : FLAG_TLS_KNOWN | (tls ? FLAG_TLS : 0)
  return known | (direction === 'outbound' ? FLAG_OUTBOUND : 0)
}

/** How many cells each row has, from where each begins. */
function cellsOf(start: Uint32Array): Float64Array {
  return Float64Array.from({ length: start.length - 1 }, (_, row) => start[row + 1]! - start[row]!)
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
