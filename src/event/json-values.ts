import { DecodeError } from './decode-error.ts'
import { TRACE_BYTES } from './event-columns.ts'
import type { JsonScanner } from './json-scanner.ts'
import { MAX_TIME_MS } from './limits.ts'
import { parseRfc3339 } from './rfc3339.ts'
import { Symbols } from './symbols.ts'
import { normalizeKind } from './workload-kinds.ts'

/** Stands for a field that is absent or null where 0 would mean something. */
export const NONE = -1

const QUOTE = 0x22
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39

/**
 * Reads the values of an event's fields. What cannot be one throws a `DecodeError` that names the field by the path given,
 * where the event is, what was expected and what was found.
 */
export class JsonValues {
  readonly #scanner: JsonScanner
  #symbols = new Symbols()
  /** Index of the event in the array it stands in, `NONE` where it stands alone. */
  #element = NONE
  #arrayStart = 0
  /** Offset of the event's opening brace. */
  #start = 0

  constructor(scanner: JsonScanner) {
    this.#scanner = scanner
  }

  /** Begins a record, of which the texts are interned in `symbols`. */
  begin(symbols: Symbols): void {
    this.#symbols = symbols
  }

  /** Begins the event whose object is next: element `element` of the array at `arrayStart`, or `NONE`. */
  beginEvent(element: number, arrayStart: number): void {
    this.#element = element
    this.#arrayStart = arrayStart
    this.#start = this.#scanner.pos
  }

  /** Whether the next value is null, which then is taken: it says the same as leaving the field out. */
  isNull(): boolean {
    if (this.#scanner.peek() !== 0x6e) return false
    this.#scanner.literal('null')
    return true
  }

  /** A string, as its symbol. */
  symbol(name: string): number {
    const scanner = this.#scanner
    if (scanner.peek() !== QUOTE) throw this.badValue(name, 'a string')
    scanner.string()
    return this.#symbols.internBytes(scanner.text, scanner.textStart, scanner.textEnd)
  }

  /** A whole number from 0 to the rule's maximum, in any way of writing it. */
  whole(name: string, rule: { readonly max: number; readonly what: string }): number {
    const scanner = this.#scanner
    const start = this.#scanner.pos
    const byte = scanner.peek()
    if (byte !== MINUS && (byte < ZERO || byte > NINE)) throw this.badValue(name, rule.what)
    const value = scanner.number()
    if (value >= 0 && value <= rule.max && Number.isInteger(value)) return value
    scanner.pos = start
    throw this.badValue(name, value > rule.max ? `at most ${rule.max}` : rule.what)
  }

  /** true as 1, false as 0. */
  flag(name: string): number {
    const scanner = this.#scanner
    const byte = scanner.peek()
    if (byte !== 0x74 && byte !== 0x66) throw this.badValue(name, 'true or false')
    scanner.literal(byte === 0x74 ? 'true' : 'false')
    return byte === 0x74 ? 1 : 0
  }

  /** One of two words, as its place. */
  word(name: string, words: readonly [string, string]): number {
    const scanner = this.#scanner
    const start = scanner.pos
    if (scanner.peek() === QUOTE) {
      scanner.string()
      const length = scanner.textEnd - scanner.textStart
      for (let i = 0; i < 2; i++) if (length === words[i]!.length && this.#textIs(words[i]!)) return i
      scanner.pos = start
    }
    throw this.badValue(name, `"${words[0]}" or "${words[1]}"`)
  }

  #textIs(word: string): boolean {
    const { text, textStart } = this.#scanner
    for (let i = 0; i < word.length; i++) if (text[textStart + i] !== word.charCodeAt(i)) return false
    return true
  }

  /** A time in epoch milliseconds, given as such or by RFC 3339; what is finer is cut. */
  time(): number {
    const scanner = this.#scanner
    const start = scanner.pos
    const byte = scanner.peek()
    let time = Number.NaN
    if (byte === QUOTE) {
      scanner.string()
      time = parseRfc3339(scanner.text, scanner.textStart, scanner.textEnd)
    } else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      time = Math.floor(scanner.number())
    }
    if (time >= 0 && time <= MAX_TIME_MS) return time
    scanner.pos = start
    throw this.badValue('time', 'an RFC 3339 time with its zone, or epoch milliseconds')
  }

  /** Puts the 16 bytes of a trace id into `into`; answers 1. */
  traceId(into: Uint8Array): number {
    const scanner = this.#scanner
    const start = scanner.pos
    if (scanner.peek() === QUOTE) {
      scanner.string()
      if (scanner.textEnd - scanner.textStart === 2 * TRACE_BYTES) {
        let valid = 0
        for (let i = 0; i < TRACE_BYTES; i++) {
          const at = scanner.textStart + 2 * i
          const byte = (HEX_VALUES[scanner.text[at]!]! << 4) | HEX_VALUES[scanner.text[at + 1]!]!
          valid |= byte
          into[i] = byte
        }
        if (valid >= 0) return 1
      }
      scanner.pos = start
    }
    throw this.badValue('traceId', '32 hexadecimal digits')
  }

  /** A workload kind, normalised, as its symbol. */
  kind(name: string): number {
    const scanner = this.#scanner
    const symbol = this.symbol(name)
    if (isPlainKind(scanner.text, scanner.textStart, scanner.textEnd)) return symbol
    const symbols = this.#symbols
    return symbols.intern(normalizeKind(symbols.text(symbol)))
  }

  /** The error for the value that is next. */
  badValue(field: string, expected: string): DecodeError {
    const scanner = this.#scanner
    scanner.peek()
    const offset = scanner.pos
    const found = `must be ${expected}, got ${scanner.quote(offset)}`
    return this.#element === NONE
      ? new DecodeError('field-value', `line ${scanner.lineAt(offset)}`, `"${field}" ${found}`)
      : new DecodeError('field-value', `${this.#place()}.${field}`, found)
  }

  /** The error for a field that the event must have and has not. */
  missing(field: string): DecodeError {
    return new DecodeError('field-missing', this.#place(), `"${field}" is missing`)
  }

  /** Where the event is. */
  #place(): string {
    if (this.#element === NONE) return `line ${this.#scanner.lineAt(this.#start)}`
    return elementPlace(this.#scanner, this.#element, this.#arrayStart)
  }
}

/** How an element of an array is named: by its index, and by the array's line where that is not the first. */
export function elementPlace(scanner: JsonScanner, element: number, arrayStart: number): string {
  const line = scanner.lineAt(arrayStart)
  return line === 1 ? `[${element}]` : `line ${line} [${element}]`
}

/** By byte: what a hexadecimal digit means, -1 where it is none. */
const HEX_VALUES = Int8Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte)
  return /[0-9a-f]/i.test(digit) ? Number.parseInt(digit, 16) : -1
})

/** Whether a kind is in the form that `normalizeKind` gives, as nearly all are: lower case without a plural's s. */
function isPlainKind(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! < 0x61 || bytes[i]! > 0x7a) return false
  return bytes[end - 1] !== 0x73
}
