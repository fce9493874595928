import type { EventColumns } from './event-columns.ts'
import { rowsOf, tooMany } from './index-columns.ts'
import { MAX_RECORD_EVENTS } from './limits.ts'
import { type ProtobufReader, WIRE } from './protobuf-reader.ts'

type Int32ColumnName = 'flow' | 'outcome' | 'connectionFlow'
type Float64ColumnName = {
  [N in keyof EventColumns]: EventColumns[N] extends Float64Array ? N : never
}[keyof EventColumns]

/** How one field of a message fills one column of `EventColumns`. */
export type EventField =
  | { readonly name: string; readonly kind: 'int'; readonly column: Int32ColumnName }
  | { readonly name: string; readonly kind: 'number' | 'signed'; readonly column: Float64ColumnName }

/**
 * The columns of `Requests` or `Connections`, read straight into `EventColumns`: indices and deltas as they are on the
 * wire, for the decoder to resolve when it has read all.
 */
export class EventFieldReader {
  readonly #message: string
  readonly #names: readonly string[]
  /** By field number. */
  readonly #fields: readonly (EventField | undefined)[]
  readonly #counts: Int32Array
  readonly #reserve: (columns: EventColumns, count: number) => void

  constructor(
    message: string,
    fields: Readonly<Record<number, EventField>>,
    reserve: (columns: EventColumns, count: number) => void,
  ) {
    const last = Math.max(...Object.keys(fields).map(Number))
    this.#message = message
    this.#fields = Array.from({ length: last + 1 }, (_, number) => fields[number])
    this.#names = this.#fields.map((field) => field?.name ?? '')
    this.#counts = new Int32Array(last + 1)
    this.#reserve = reserve
  }

  clear(): void {
    this.#counts.fill(0)
  }

  /** Reads the field whose tag was read last, if it is one of the columns. */
  read(reader: ProtobufReader, number: number, columns: EventColumns): boolean {
    const field = this.#fields[number]
    if (field === undefined) return false
    let outer: number
    if (reader.wireType === WIRE.bytes) outer = reader.enter()
    else if (reader.wireType === WIRE.varint) outer = reader.enterVarint()
    else return false
    let count = this.#counts[number]!
    while (!reader.done) {
      if (count === columns[field.column].length) {
        if (count >= MAX_RECORD_EVENTS) throw tooMany(this.#message, 'events')
        this.#reserve(columns, count + 1)
      }
      if (field.kind === 'int') count = reader.packedInts(columns[field.column], count)
      else if (field.kind === 'signed') count = reader.packedSigned(columns[field.column], count)
      else count = reader.packedNumbers(columns[field.column], count)
    }
    this.#counts[number] = count
    reader.leave(outer)
    return true
  }

  /** Checks that all columns present are of one length, fills those left out with zeros, and returns the rows. */
  finish(columns: EventColumns): number {
    const rows = rowsOf(this.#message, this.#names, this.#counts)
    if (rows > MAX_RECORD_EVENTS) throw tooMany(this.#message, 'events')
    for (let number = 0; number < this.#fields.length; number++) {
      const field = this.#fields[number]
      if (field !== undefined && this.#counts[number] !== rows) columns[field.column].fill(0, 0, rows)
    }
    return rows
  }
}
