import { MAX_PORT } from './limits.ts'
import { FLAG, NUMBER, TEXT } from './otlp-attributes.ts'
import { decimalAt, isText, sameBytes } from './otlp-bytes.ts'
import type { SpanFields } from './otlp-span-fields.ts'
import type { Symbols } from './symbols.ts'

const TRUE = new TextEncoder().encode('true')

const LAST_STRIDE = 3

/**
 * Reads the attributes of spans of one message as symbols and numbers.
 *
 * Spans of one message repeat each other, so the symbol of each field's last text is kept and its bytes compared
 * first: half the work of hashing them. The comparison is with the message's own bytes, so the memory lasts as long
 * as the message.
 */
export class SpanTexts {
  readonly fields: SpanFields
  readonly attributes: SpanFields['attributes']
  readonly starts: Int32Array
  readonly ends: Int32Array
  bytes: Uint8Array = new Uint8Array(0)
  /** The same bytes, for whoever reads four at a time. */
  view = new DataView(this.bytes.buffer)
  #symbols: Symbols | undefined
  readonly #numbers: Float64Array
  /** Of each field's last text: where it starts, its length, its symbol. */
  readonly #last: Int32Array

  constructor(fields: SpanFields) {
    this.fields = fields
    const { attributes } = fields
    this.attributes = attributes
    this.starts = attributes.starts
    this.ends = attributes.ends
    this.#numbers = attributes.numbers
    this.#last = new Int32Array(attributes.kinds.length * LAST_STRIDE)
  }

  begin(bytes: Uint8Array, symbols: Symbols | undefined): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#symbols = symbols
    this.#last.fill(-1)
  }

  get symbols(): Symbols {
    return this.#symbols!
  }

  isText(field: number): boolean {
    return this.attributes.kind(field) === TEXT
  }

  /** Whether the field is a text of at least one byte. */
  hasText(field: number): boolean {
    return this.attributes.kind(field) === TEXT && this.ends[field]! > this.starts[field]!
  }

  /** Symbol of a field's text, 0 where it has none. */
  symbol(field: number): number {
    if (this.attributes.kind(field) !== TEXT) return 0
    const start = this.starts[field]!
    const length = this.ends[field]! - start
    const last = this.#last
    const at = field * LAST_STRIDE
    if (length === last[at + 1] && sameBytes(this.view, start, last[at]!, length)) return last[at + 2]!
    last[at] = start
    last[at + 1] = length
    return (last[at + 2] = this.intern(start, start + length))
  }

  /** Symbol of the message's bytes `[start, end)`. */
  intern(start: number, end: number): number {
    return this.symbols.internBytes(this.bytes, start, end, this.view)
  }

  /** A field's number, given as one or as decimal digits; -1 where it has none. */
  number(field: number): number {
    const kind = this.attributes.kind(field)
    if (kind === NUMBER) return this.#numbers[field]!
    return kind === TEXT ? decimalAt(this.bytes, this.starts[field]!, this.ends[field]!) : -1
  }

  /** A field's port number, 0 where it has none. */
  port(field: number): number {
    const port = this.number(field)
    return port > 0 && port <= MAX_PORT ? port : 0
  }

  /** A field's truth, given as a flag or as the text `true`. */
  flag(field: number): boolean {
    const kind = this.attributes.kind(field)
    if (kind === FLAG) return this.#numbers[field] === 1
    return kind === TEXT && isText(this.bytes, this.starts[field]!, this.ends[field]!, TRUE)
  }
}
