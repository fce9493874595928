import { DecodeError } from './decode-error.ts'
import { MAX_RECORD_EVENTS } from './limits.ts'
import { type ProtobufReader, WIRE } from './protobuf-reader.ts'

const INITIAL_ROWS = 256

/** Rows above which a column is given back after use, so that one large record does not hold memory for ever. */
const KEPT_ROWS = 65_536

/**
 * The columns of one table message of an EventBatch (fields 1 to n, all `repeated uint32`), read into memory that is
 * used again for the next batch.
 *
 * The message may come in pieces, its fields in any order, packed in any number of chunks or not packed at all. Memory
 * grows with the values really present, never with a length that the input claims.
 */
export class IndexColumns {
  /** Rows, known after `finish`. */
  rows = 0
  /** By index, which is the field number less one: the columns that were not left out. Known after `finish`. */
  readonly present: (Int32Array | undefined)[]
  readonly #message: string
  readonly #fields: readonly string[]
  readonly #columns: Int32Array<ArrayBuffer>[]
  readonly #counts: Int32Array

  /** `message` and `fields` (in order of their numbers) are the names that errors give. */
  constructor(message: string, fields: readonly string[]) {
    this.#message = message
    this.#fields = fields
    this.present = fields.map(() => undefined)
    this.#columns = fields.map(() => new Int32Array(INITIAL_ROWS))
    this.#counts = new Int32Array(fields.length)
  }

  clear(): void {
    this.rows = 0
    this.#counts.fill(0)
    for (let i = 0; i < this.#columns.length; i++) {
      if (this.#columns[i]!.length > KEPT_ROWS) this.#columns[i] = new Int32Array(INITIAL_ROWS)
    }
  }

  /** Reads the message that `reader` has entered and returns how many unknown fields it skipped. */
  read(reader: ProtobufReader): number {
    let unknown = 0
    while (!reader.done) {
      const index = reader.tag() - 1
      if (index < this.#columns.length && reader.wireType === WIRE.bytes) {
        const outer = reader.enter()
        this.#append(reader, index)
        reader.leave(outer)
      } else if (index < this.#columns.length && reader.wireType === WIRE.varint) {
        const outer = reader.enterVarint()
        this.#append(reader, index)
        reader.leave(outer)
      } else {
        reader.skip()
        unknown++
      }
    }
    return unknown
  }

  /** Checks that all columns present are of one length. */
  finish(): void {
    this.rows = rowsOf(this.#message, this.#fields, this.#counts)
    for (let i = 0; i < this.present.length; i++) {
      this.present[i] = this.#counts[i] === 0 ? undefined : this.#columns[i]
    }
  }

  /** Column `index`, which is field number `index + 1`, filled with zeros where it was left out. */
  column(index: number): Int32Array {
    const present = this.present[index]
    if (present !== undefined) return present
    if (this.#columns[index]!.length < this.rows) this.#columns[index] = new Int32Array(this.rows)
    return this.#columns[index]!.fill(0, 0, this.rows)
  }

  /** Replaces the indices of a column by what they stand for: `meanings[index]`, of which there are `size` from 1. */
  resolve(index: number, meanings: Int32Array, size: number, table: string): void {
    const column = this.present[index]
    if (column === undefined) return
    for (let row = 0; row < this.rows; row++) {
      const value = column[row]!
      if (value > size) throw indexFault(`${this.#message}.${this.#fields[index]}`, row, value, table, size)
      column[row] = meanings[value]!
    }
  }

  /** Throws the error for the value of a row, which exceeds `max`. */
  refuse(index: number, row: number, max: number): never {
    const value = this.present[index]?.[row]
    throw rowFault(
      'out-of-range',
      `${this.#message}.${this.#fields[index]}`,
      row,
      `${value} is more than ${max}`,
    )
  }

  #append(reader: ProtobufReader, index: number): void {
    let column = this.#columns[index]!
    let count = this.#counts[index]!
    while (!reader.done) {
      if (count === column.length) {
        if (count >= MAX_RECORD_EVENTS) throw tooMany(this.#message, 'rows')
        const larger = new Int32Array(count * 2)
        larger.set(column)
        this.#columns[index] = column = larger
      }
      count = reader.packedInts(column, count)
    }
    this.#counts[index] = count
  }
}

/** The rows of a table by its columns' lengths, which are all the same but for columns left out. */
export function rowsOf(message: string, fields: readonly string[], counts: Int32Array): number {
  let longest = 0
  for (let i = 1; i < counts.length; i++) if (counts[i]! > counts[longest]!) longest = i
  const rows = counts[longest]!
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] !== rows && counts[i] !== 0) {
      throw new DecodeError(
        'column-length',
        `${message}.${fields[i]}`,
        `has ${counts[i]} values where ${fields[longest]} has ${rows}: a column has one value a row, or none at all`,
      )
    }
  }
  return rows
}

/** The error for a bad value of a row. */
export function rowFault(reason: string, column: string, row: number, message: string): DecodeError {
  return new DecodeError(reason, `${column}[${row}]`, message)
}

/** The error for an index that is none of a table of `size` entries; indices count from 1. */
export function indexFault(
  column: string,
  row: number,
  value: number,
  table: string,
  size: number,
): DecodeError {
  const message =
    value === 0 ? `is 0, but must name one of the ${table}` : `index ${value}, but there are ${size} ${table}`
  return rowFault('index', column, row, message)
}

/** The error for a record of more than `MAX_RECORD_EVENTS`. */
export function tooMany(at: string, what: string): DecodeError {
  return new DecodeError(
    'too-many',
    at,
    `more than ${MAX_RECORD_EVENTS} ${what} in one record: send smaller ones`,
  )
}
