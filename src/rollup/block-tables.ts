import { DecodeError } from '../event/decode-error.ts'
import type { ProtobufReader } from '../event/protobuf-reader.ts'
import type { ProtobufWriter } from '../event/protobuf-writer.ts'
import type { Workload } from './series.ts'

/** The string and workload tables of a blob being written (`proto/rollup.proto`): index 0 is "none". */
export class TablesWriter {
  readonly #strings = new Map<string, number>()
  readonly #workloads = new Map<string, number>()
  readonly #columns: readonly [number[], number[], number[], number[]] = [[], [], [], []]

  string(text: string): number {
    if (text === '') return 0
    let index = this.#strings.get(text)
    if (index === undefined) {
      index = this.#strings.size + 1
      this.#strings.set(text, index)
    }
    return index
  }

  workload({ cluster, namespace, kind, name }: Workload): number {
    if (cluster === '' && namespace === '' && kind === '' && name === '') return 0
    const id = `${cluster}\u0000${namespace}\u0000${kind}\u0000${name}`
    const known = this.#workloads.get(id)
    if (known !== undefined) return known
    ;[cluster, namespace, kind, name].forEach((text, i) => this.#columns[i]!.push(this.string(text)))
    this.#workloads.set(id, this.#workloads.size + 1)
    return this.#workloads.size
  }

  /** Writes both tables as fields 2 and 3. */
  write(writer: ProtobufWriter): void {
    for (const text of this.#strings.keys()) writer.string(2, text)
    writer.message(3, () => {
      // Packed even where all are zero: the rows are counted by them.
      this.#columns.forEach((column, i) => writer.packed(i + 1, Float64Array.from(column), column.length))
    })
  }
}

/** The tables of a blob being read. Throws a DecodeError for an index beyond them. */
export class TablesReader {
  readonly #strings: string[] = ['']
  readonly #workloads: Workload[] = [{ cluster: '', namespace: '', kind: '', name: '' }]

  readString(reader: ProtobufReader): void {
    this.#strings.push(reader.string())
  }

  readWorkloads(reader: ProtobufReader): void {
    const columns = readColumns(reader)
    const [cluster, namespace, kind, name] = [1, 2, 3, 4].map((field) => columns.get(field) ?? NO_COLUMN)
    for (let row = 0; row < cluster!.length; row++) {
      this.#workloads.push({
        cluster: this.string(cluster![row]!),
        namespace: this.string(namespace![row]!),
        kind: this.string(kind![row]!),
        name: this.string(name![row]!),
      })
    }
  }

  string(index: number): string {
    const text = this.#strings[index]
    if (text === undefined) throw new DecodeError('index', `string ${index}`, 'is beyond the table')
    return text
  }

  workload(index: number): Workload {
    const workload = this.#workloads[index]
    if (workload === undefined) throw new DecodeError('index', `workload ${index}`, 'is beyond the table')
    return workload
  }
}

const NO_COLUMN = new Float64Array(0)

/** Reads a nested message of packed columns, by field. One that was left out is not there. */
export function readColumns(reader: ProtobufReader): Map<number, Float64Array> {
  const columns = new Map<number, Float64Array>()
  const outer = reader.enter()
  while (!reader.done) {
    const field = reader.tag()
    columns.set(field, readColumn(reader))
  }
  reader.leave(outer)
  return columns
}

/** Reads a packed column. */
export function readColumn(reader: ProtobufReader): Float64Array {
  const outer = reader.enter()
  const column = new Float64Array(reader.end - reader.pos)
  const count = reader.packedNumbers(column, 0)
  reader.leave(outer)
  return column.slice(0, count)
}

/** A column of exactly `rows`: zeros where it was left out. Throws a DecodeError where it has another length. */
export function columnOf(
  columns: ReadonlyMap<number, Float64Array>,
  field: number,
  rows: number,
): Float64Array {
  const column = columns.get(field)
  if (column === undefined) return new Float64Array(rows)
  if (column.length !== rows) {
    throw new DecodeError('column-length', `field ${field}`, `has ${column.length} rows instead of ${rows}`)
  }
  return column
}

/** The version that a blob names in field 1 must be the one this program writes. */
export function checkFormat(reader: ProtobufReader, expected: number): void {
  const format = reader.varint()
  if (format === expected) return
  throw new DecodeError('format', 'format', `is ${format}; this version of meshtap reads ${expected}`)
}
