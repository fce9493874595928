import { ProtobufReader } from '../event/protobuf-reader.ts'
import { ProtobufWriter } from '../event/protobuf-writer.ts'
import { checkFormat, TablesReader, TablesWriter } from './block-tables.ts'
import { PackedColumns } from './packed-columns.ts'
import type { TopBlock, TopEntry, TopSketchState } from './top-block.ts'

const FORMAT = 1

/** Fields of `TopEntries` in proto/rollup.proto that are numbers of the entry. */
const NUMBERS = {
  count: 4,
  error: 5,
  failures: 6,
  bestMicros: 7,
  worstMicros: 8,
  latencySumMicros: 9,
  lastMicros: 10,
  lastMs: 11,
} as const

/** A block as bytes (`TopBlock` of proto/rollup.proto). */
export function encodeTopBlock({ sketches }: TopBlock): Uint8Array {
  const tables = new TablesWriter()
  const entries = sketches.flatMap((sketch) => sketch.entries)
  const ofEntry = (value: (entry: TopEntry) => number) => Float64Array.from(entries, value)
  const ofSketch = (value: (sketch: TopSketchState) => number) => Float64Array.from(sketches, value)
  const destinations = ofSketch((sketch) => tables.workload(sketch.destination))
  const keys = [
    ofEntry((entry) => tables.workload(entry.source)),
    ofEntry((entry) => tables.string(entry.method)),
    ofEntry((entry) => tables.string(entry.path)),
  ]
  const writer = new ProtobufWriter(4096)
  writer.varint(1, FORMAT)
  tables.write(writer)
  writer.message(4, () => {
    const rows = sketches.length
    writer.packed(
      1,
      ofSketch((sketch) => (sketch.direction === 'outbound' ? 1 : 0)),
      rows,
    )
    writer.packed(2, destinations, rows)
    writer.column(
      3,
      ofSketch((sketch) => sketch.floor),
      rows,
    )
    writer.packed(
      4,
      ofSketch((sketch) => sketch.total),
      rows,
    )
    writer.packed(
      5,
      ofSketch((sketch) => sketch.entries.length),
      rows,
    )
  })
  writer.message(5, () => {
    keys.forEach((column, i) => writer.packed(i + 1, column, entries.length))
    for (const name of Object.keys(NUMBERS) as (keyof typeof NUMBERS)[]) {
      writer.column(
        NUMBERS[name],
        ofEntry((entry) => entry[name]),
        entries.length,
      )
    }
  })
  return writer.finish()
}

/** A block from bytes. Throws a DecodeError where they are not one of this program's. */
export function decodeTopBlock(bytes: Uint8Array): TopBlock {
  const reader = new ProtobufReader(bytes)
  const tables = new TablesReader(bytes)
  let sketchColumns = new PackedColumns(bytes)
  let entryColumns = new PackedColumns(bytes)
  while (!reader.done) {
    const tagAt = reader.pos
    const field = reader.tag()
    if (field === 1) checkFormat(reader, FORMAT)
    else if (field === 2) tables.takeString(reader, tagAt)
    else if (field === 3) tables.takeWorkloads(reader, tagAt)
    else if (field === 4) sketchColumns = PackedColumns.read(reader)
    else if (field === 5) entryColumns = PackedColumns.read(reader)
    else reader.skip()
  }
  const entries = readEntries(entryColumns, tables)
  const rows = sketchColumns.rows(1)
  const [outbound, destination, floor, total, counts] = [1, 2, 3, 4, 5].map((field) =>
    sketchColumns.numbers(field, rows),
  )
  let at = 0
  const sketches = Array.from({ length: rows }, (_, row): TopSketchState => {
    const from = at
    at += counts![row]!
    return {
      direction: outbound![row] === 1 ? 'outbound' : 'inbound',
      destination: tables.workload(destination![row]!),
      floor: floor![row]!,
      total: total![row]!,
      entries: entries.slice(from, at),
    }
  })
  return { sketches }
}

function readEntries(columns: PackedColumns, tables: TablesReader): TopEntry[] {
  const rows = columns.rows(1)
  const column = (field: number) => columns.numbers(field, rows)
  const [source, method, path] = [column(1), column(2), column(3)]
  const numbers = Object.fromEntries(
    Object.entries(NUMBERS).map(([name, field]) => [name, column(field)]),
  ) as Readonly<Record<keyof typeof NUMBERS, Float64Array>>
  return Array.from({ length: rows }, (_, row) => ({
    source: tables.workload(source[row]!),
    method: tables.string(method[row]!),
    path: tables.string(path[row]!),
    count: numbers.count[row]!,
    error: numbers.error[row]!,
    failures: numbers.failures[row]!,
    bestMicros: numbers.bestMicros[row]!,
    worstMicros: numbers.worstMicros[row]!,
    latencySumMicros: numbers.latencySumMicros[row]!,
    lastMicros: numbers.lastMicros[row]!,
    lastMs: numbers.lastMs[row]!,
  }))
}
