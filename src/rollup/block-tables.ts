import { DecodeError } from '../event/decode-error.ts'
import { ProtobufReader } from '../event/protobuf-reader.ts'
import type { ProtobufWriter } from '../event/protobuf-writer.ts'
import { PackedColumns } from './packed-columns.ts'
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

/** Indices of strings, one a workload; those of the workload of which nothing is known are 0. */
export interface WorkloadStrings {
  readonly cluster: Int32Array
  readonly namespace: Int32Array
  readonly kind: Int32Array
  readonly name: Int32Array
}

/**
 * The tables of a blob being read; texts are decoded when they are asked for. Throws a DecodeError for an index beyond
 * them.
 */
export class TablesReader {
  readonly #bytes: Uint8Array
  /** Where each string begins and ends. */
  readonly #ends: number[] = [0, 0]
  readonly #strings: (string | undefined)[] = ['']
  #columns: PackedColumns
  #workloads: Workload[] | undefined
  #start = Number.POSITIVE_INFINITY
  #end = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#columns = new PackedColumns(bytes)
  }

  /** The blob: what `startOf` and `endOf` are places in. */
  get blob(): Uint8Array {
    return this.#bytes
  }

  /** The bytes that both tables are in. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(Math.min(this.#start, this.#end), this.#end)
  }

  /** Takes the string whose tag, at `tagAt`, a reader has just read. */
  takeString(reader: ProtobufReader, tagAt: number): void {
    this.#start = Math.min(this.#start, tagAt)
    const end = reader.lengthEnd()
    this.#ends.push(reader.pos, end)
    reader.pos = end
    this.#end = Math.max(this.#end, end)
  }

  takeWorkloads(reader: ProtobufReader, tagAt: number): void {
    this.#start = Math.min(this.#start, tagAt)
    this.#columns = PackedColumns.read(reader)
    this.#end = Math.max(this.#end, reader.pos)
  }

  string(index: number): string {
    const known = this.#strings[index]
    if (known !== undefined) return known
    const end = this.#ends[2 * index + 1]
    if (end === undefined) throw new DecodeError('index', `string ${index}`, 'is beyond the table')
    return (this.#strings[index] = new ProtobufReader(this.#bytes, this.#ends[2 * index], end).rest())
  }

  /** How many strings there are, the empty one included. */
  get stringCount(): number {
    return this.#ends.length / 2
  }

  /** Where a string's bytes begin and end: no text and no object is made. */
  startOf(index: number): number {
    return this.#place(2 * index)
  }

  endOf(index: number): number {
    return this.#place(2 * index + 1)
  }

  /** The strings that workloads are made of, by the workload's index. */
  workloadStrings(): WorkloadStrings {
    const rows = this.#columns.rows(1)
    const column = (field: number) => {
      const strings = new Int32Array(rows + 1)
      strings.set(this.#columns.ints(field, rows), 1)
      return strings
    }
    return { cluster: column(1), namespace: column(2), kind: column(3), name: column(4) }
  }

  workload(index: number): Workload {
    this.#workloads ??= this.#readWorkloads()
    const workload = this.#workloads[index]
    if (workload === undefined) throw new DecodeError('index', `workload ${index}`, 'is beyond the table')
    return workload
  }

  #place(at: number): number {
    const place = this.#ends[at]
    if (place === undefined) throw new DecodeError('index', `string ${at >> 1}`, 'is beyond the table')
    return place
  }

  #readWorkloads(): Workload[] {
    const rows = this.#columns.rows(1)
    const [cluster, namespace, kind, name] = [1, 2, 3, 4].map((field) => this.#columns.ints(field, rows))
    const workloads: Workload[] = [{ cluster: '', namespace: '', kind: '', name: '' }]
    for (let row = 0; row < rows; row++) {
      workloads.push({
        cluster: this.string(cluster![row]!),
        namespace: this.string(namespace![row]!),
        kind: this.string(kind![row]!),
        name: this.string(name![row]!),
      })
    }
    return workloads
  }
}

/** The version that a blob names in field 1 must be the one this program writes. */
export function checkFormat(reader: ProtobufReader, expected: number): void {
  const format = reader.varint()
  if (format === expected) return
  throw new DecodeError('format', 'format', `is ${format}; this version of meshtap reads ${expected}`)
}
