import { DecodeError } from '../event/decode-error.ts'
import { ProtobufReader } from '../event/protobuf-reader.ts'

/** Numbers that are decoded between two rests: some hundredths of a millisecond. */
const NUMBERS_A_STEP = 8192

/**
 * A message's packed columns by field, each decoded when it is asked for: into an array of exactly its rows, of integers
 * where they are small. A column that was left out is all zeros.
 */
export class PackedColumns {
  readonly #bytes: Uint8Array
  readonly #places = new Map<
    number,
    { readonly tagAt: number; readonly start: number; readonly end: number }
  >()

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The columns of a nested message. */
  static read(reader: ProtobufReader): PackedColumns {
    const columns = new PackedColumns(reader.bytes)
    const outer = reader.enter()
    while (!reader.done) {
      const tagAt = reader.pos
      columns.take(reader, reader.tag(), tagAt)
    }
    reader.leave(outer)
    return columns
  }

  /** Takes the column whose tag, at `tagAt`, a reader has just read. */
  take(reader: ProtobufReader, field: number, tagAt: number): void {
    const end = reader.lengthEnd()
    this.#places.set(field, { tagAt, start: reader.pos, end })
    reader.pos = end
  }

  /** Whether a column is there. */
  has(field: number): boolean {
    return this.#places.has(field)
  }

  /** The bytes that the columns of some fields are in. */
  bytesOf(first: number, last: number): Uint8Array {
    let start = Number.POSITIVE_INFINITY
    let end = 0
    for (const [field, place] of this.#places) {
      if (field < first || field > last) continue
      start = Math.min(start, place.tagAt)
      end = Math.max(end, place.end)
    }
    return this.#bytes.subarray(Math.min(start, end), end)
  }

  /** What a field that is no column holds, as a view. */
  bytes(field: number): Uint8Array {
    const { start, end } = this.#places.get(field) ?? { start: 0, end: 0 }
    return this.#bytes.subarray(start, end)
  }

  /** How many rows a column has. */
  rows(field: number): number {
    const { start, end } = this.#places.get(field) ?? { start: 0, end: 0 }
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

  /** As `numbers`, with a rest after each few thousand. */
  *numbersGradually(field: number, rows: number): Generator<undefined, Float64Array<ArrayBuffer>> {
    const reader = this.#reader(field, rows)
    const column = new Float64Array(rows)
    if (reader === undefined) return column
    let count = 0
    for (let to = NUMBERS_A_STEP; to < rows; to += NUMBERS_A_STEP) {
      count = reader.packedNumbers(column.subarray(0, to), count)
      yield
    }
    this.#check(field, rows, reader.packedNumbers(column, count), reader)
    return column
  }

  /** As `ints`, with a rest after each few thousand. */
  *intsGradually(field: number, rows: number): Generator<undefined, Int32Array<ArrayBuffer>> {
    const reader = this.#reader(field, rows)
    const column = new Int32Array(rows)
    if (reader === undefined) return column
    let count = 0
    for (let to = NUMBERS_A_STEP; to < rows; to += NUMBERS_A_STEP) {
      count = reader.packedInts(column.subarray(0, to), count)
      yield
    }
    this.#check(field, rows, reader.packedInts(column, count), reader)
    return column
  }

  #reader(field: number, rows: number): ProtobufReader | undefined {
    const place = this.#places.get(field)
    if (place === undefined) return undefined
    // No number is shorter than a byte: what a damaged blob claims is not allocated.
    if (rows > place.end - place.start) throw this.#wrongLength(field, rows)
    return new ProtobufReader(this.#bytes, place.start, place.end)
  }

  #check(field: number, rows: number, count: number, reader: ProtobufReader): void {
    if (count !== rows || !reader.done) throw this.#wrongLength(field, rows)
  }

  #wrongLength(field: number, rows: number): DecodeError {
    const message = `has ${this.rows(field)} rows instead of ${rows}`
    return new DecodeError('column-length', `field ${field}`, message)
  }
}
