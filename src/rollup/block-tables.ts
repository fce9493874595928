import { DecodeError } from '../event/decode-error.ts'
import { ProtobufReader } from '../event/protobuf-reader.ts'
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
    const columns = PackedColumns.read(reader)
    const rows = columns.rows(1)
    const [cluster, namespace, kind, name] = [1, 2, 3, 4].map((field) => columns.ints(field, rows))
    for (let row = 0; row < rows; row++) {
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

/**
 * A message's packed columns by field, each decoded when it is asked for: into an array of exactly its rows, of integers
 * where they are small. A column that was left out is all zeros.
 */
export class PackedColumns {
  readonly #bytes: Uint8Array
  readonly #ends = new Map<number, { readonly start: number; readonly end: number }>()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The columns of a nested message. */
  static read(reader: ProtobufReader): PackedColumns {
    const columns = new PackedColumns(reader.bytes)
    const outer = reader.enter()
    while (!reader.done) columns.take(reader, reader.tag())
    reader.leave(outer)
    return columns
  }

  /** Takes the column that a reader stands at. */
  take(reader: ProtobufReader, field: number): void {
    const end = reader.lengthEnd()
    this.#ends.set(field, { start: reader.pos, end })
    reader.pos = end
  }

  /** How many rows a column has. */
  rows(field: number): number {
    const { start, end } = this.#ends.get(field) ?? { start: 0, end: 0 }
    let rows = 0
    for (let at = start; at < end; at++) if (this.#bytes[at]! < 0x80) rows++
    return rows
  }

  /** Numbers of at most 2^53 − 1. Throws a DecodeError where there are not exactly `rows`. */
  numbers(field: number, rows: number): Float64Array<ArrayBuffer> {
    const reader = this.#reader(field, rows)
    const column = new Float64Array(rows)
    if (reader !== undefined) this.#check(field, rows, reader.packedNumbers(column, 0), reader)
    return column
  }

  /** Numbers of at most 2^31 − 1: quicker. Throws a DecodeError where there are not exactly `rows`. */
  ints(field: number, rows: number): Int32Array<ArrayBuffer> {
    const reader = this.#reader(field, rows)
    const column = new Int32Array(rows)
    if (reader !== undefined) this.#check(field, rows, reader.packedInts(column, 0), reader)
    return column
  }

  #reader(field: number, rows: number): ProtobufReader | undefined {
    const ends = this.#ends.get(field)
    if (ends === undefined) return undefined
    // No number is shorter than a byte: what a damaged blob claims is not allocated.
    if (rows > ends.end - ends.start) throw this.#wrongLength(field, rows)
    return new ProtobufReader(this.#bytes, ends.start, ends.end)
  }

  #check(field: number, rows: number, count: number, reader: ProtobufReader): void {
    if (count !== rows || !reader.done) throw this.#wrongLength(field, rows)
  }

  #wrongLength(field: number, rows: number): DecodeError {
    const message = `has ${this.rows(field)} rows instead of ${rows}`
    return new DecodeError('column-length', `field ${field}`, message)
  }
}

/** The version that a blob names in field 1 must be the one this program writes. */
export function checkFormat(reader: ProtobufReader, expected: number): void {
  const format = reader.varint()
  if (format === expected) return
  throw new DecodeError('format', 'format', `is ${format}; this version of meshtap reads ${expected}`)
}
