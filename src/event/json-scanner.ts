import { DecodeError } from './decode-error.ts'

/** Values inside values that a record may have, those of unknown fields included. */
const MAX_DEPTH = 64

/** Longest piece of the input that a message quotes. */
const MAX_QUOTED = 40

const QUOTE = 0x22
const BACKSLASH = 0x5c
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const UTF8_ESCAPE = 0x75
const NEWLINE = 0x0a

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** What may follow a backslash besides `u` and its digits. */
const ESCAPES = encoder.encode('"\\/bfnrt')
const NOTHING = new Uint8Array(0)
const NO_VIEW = new DataView(NOTHING.buffer)

/**
 * Reads JSON (RFC 8259) from bytes a token at a time, as strictly as `JSON.parse`, without making objects: strings are
 * byte ranges, so that they can be interned as they are.
 *
 * Methods throw a `DecodeError` of reason `json-syntax` that names line and column. Bytes that are not UTF-8 inside a
 * string are kept; they read as U+FFFD.
 */
export class JsonScanner {
  #bytes: Uint8Array = NOTHING
  #view: DataView = NO_VIEW
  #end = 0
  /** Offset of the next byte. */
  pos = 0

  /** The string read last, escapes resolved: `text[textStart, textEnd)`. */
  text: Uint8Array = NOTHING
  textStart = 0
  textEnd = 0

  /** Begins with the first byte of `bytes`, after a byte order mark. */
  begin(bytes: Uint8Array): void {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#end = bytes.length
    this.pos = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  }

  /** Lets go of the input. */
  release(): void {
    this.#bytes = NOTHING
    this.#view = NO_VIEW
    this.text = NOTHING
  }

  /** Skips white space and returns the byte after it without taking it, -1 at the end. */
  peek(): number {
    const bytes = this.#bytes
    let pos = this.pos
    while (pos < this.#end) {
      const byte = bytes[pos]!
      if (byte > 0x20 || (byte !== 0x20 && byte !== NEWLINE && byte !== 0x0d && byte !== 0x09)) {
        this.pos = pos
        return byte
      }
      pos++
    }
    this.pos = pos
    return -1
  }

  /** Takes `byte`, the next after white space, or throws. */
  take(byte: number, expected: string): void {
    if (this.peek() !== byte) throw this.unexpected(expected)
    this.pos++
  }

  /**
   * Begins an object or array whose opening bracket is next, and says whether it has a first member. Then `next` says
   * after each member whether there is another.
   */
  open(close: number): boolean {
    this.pos++
    if (this.peek() !== close) return true
    this.pos++
    return false
  }

  next(close: number): boolean {
    const byte = this.peek()
    if (byte === 0x2c) {
      this.pos++
      return true
    }
    if (byte !== close) throw this.unexpected(close === 0x7d ? '"," or "}"' : '"," or "]"')
    this.pos++
    return false
  }

  /** Reads a member's name and the colon after it. */
  name(): void {
    if (this.peek() !== QUOTE) throw this.unexpected('the name of a field in double quotes')
    this.string()
    this.take(0x3a, '":"')
  }

  /** Takes a member's name and colon if they are `words`, as `nameWords` makes them; says whether they were. */
  takeName(words: Int32Array, length: number): boolean {
    this.peek()
    const start = this.pos
    const end = start + length
    if (end >= this.#end || this.#bytes[end] !== 0x3a) return false
    const view = this.#view
    const last = words.length - 1
    if (view.getInt32(end - 4, true) !== words[last]) return false
    for (let i = 0; i < last; i++) if (view.getInt32(start + 4 * i, true) !== words[i]) return false
    this.pos = end + 1
    return true
  }

  /** Reads the string whose opening quote is next. */
  string(): void {
    const bytes = this.#bytes
    const end = this.#end
    const start = this.pos + 1
    let pos = this.#skipPlain(start)
    while (pos < end) {
      const byte = bytes[pos]!
      if (byte === QUOTE) {
        this.pos = pos + 1
        this.text = bytes
        this.textStart = start
        this.textEnd = pos
        return
      }
      if (byte === BACKSLASH) {
        this.#escapedString(start, pos)
        return
      }
      if (byte < 0x20) throw this.#fault(pos, 'a control character inside a string must be escaped')
      pos++
    }
    throw this.#fault(end, 'the input ends inside a string')
  }

  /** Skips four bytes a step until among them is one that may end a string, and returns where that is. */
  #skipPlain(start: number): number {
    const view = this.#view
    let pos = start
    for (const last = this.#end - 4; pos <= last; pos += 4) {
      const word = view.getInt32(pos, true)
      const quotes = word ^ 0x22222222
      const backslashes = word ^ 0x5c5c5c5c
      // The lowest byte of which the top bit is set here is the first that is a quote, a backslash or below 0x20.
      const ends =
        (((quotes - 0x01010101) & ~quotes) |
          ((backslashes - 0x01010101) & ~backslashes) |
          ((word - 0x20202020) & ~word)) &
        0x80808080
      if (ends !== 0) return pos + ((31 - Math.clz32(ends & -ends)) >> 3)
    }
    return pos
  }

  /** Reads the number that is next. */
  number(): number {
    const bytes = this.#bytes
    const start = this.pos
    let pos = start
    const negative = bytes[pos] === MINUS
    if (negative) pos++
    const digits = pos
    let value = 0
    while (pos < this.#end && bytes[pos]! >= ZERO && bytes[pos]! <= NINE)
      value = value * 10 + (bytes[pos++]! - ZERO)
    if (pos === digits) throw this.#unexpectedAt(pos, 'a digit')
    if (bytes[digits] === ZERO && pos > digits + 1) throw this.#fault(start, 'a number must not begin with 0')
    const byte = bytes[pos]
    if (pos - digits <= 15 && byte !== 0x2e && byte !== 0x65 && byte !== 0x45) {
      this.pos = pos
      return negative && value > 0 ? -value : value
    }
    return this.#longNumber(start, pos)
  }

  /** Skips the value that is next, whatever it is. */
  skipValue(depth = 0): void {
    const byte = this.peek()
    if (byte === QUOTE) {
      this.string()
    } else if (byte === 0x7b || byte === 0x5b) {
      if (depth === MAX_DEPTH) {
        throw new DecodeError(
          'too-deep',
          `line ${this.lineAt(this.pos)}`,
          `values are nested more than ${MAX_DEPTH} deep`,
        )
      }
      const close = byte + 2
      for (let more = this.open(close); more; more = this.next(close)) {
        if (byte === 0x7b) this.name()
        this.skipValue(depth + 1)
      }
    } else if (byte === MINUS || (byte >= ZERO && byte <= NINE)) {
      this.number()
    } else if (byte === 0x74) {
      this.literal('true')
    } else if (byte === 0x66) {
      this.literal('false')
    } else if (byte === 0x6e) {
      this.literal('null')
    } else {
      throw this.unexpected('a value')
    }
  }

  /** Takes a literal that begins with the byte that is next. */
  literal(word: 'true' | 'false' | 'null'): void {
    for (let i = 0; i < word.length; i++) {
      if (this.#bytes[this.pos + i] !== word.charCodeAt(i)) throw this.#unexpectedAt(this.pos + i, word)
    }
    this.pos += word.length
  }

  /** What is at `start`, as a message quotes it. The value must be well formed. */
  quote(start: number): string {
    this.pos = start
    const byte = this.peek()
    if (byte === 0x7b) return 'an object'
    if (byte === 0x5b) return 'an array'
    const from = this.pos
    this.skipValue()
    const text = decoder.decode(this.#bytes.subarray(from, Math.min(this.pos, from + 4 * MAX_QUOTED)))
    return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text
  }

  /** Line of an offset, from 1. */
  lineAt(offset: number): number {
    let line = 1
    for (let i = 0; i < offset; i++) if (this.#bytes[i] === NEWLINE) line++
    return line
  }

  /** The error for finding something else than `expected` next. */
  unexpected(expected: string): DecodeError {
    this.peek()
    return this.#unexpectedAt(this.pos, expected)
  }

  #unexpectedAt(offset: number, expected: string): DecodeError {
    if (offset >= this.#end) return this.#fault(offset, `the input ends where ${expected} should be`)
    const byte = this.#bytes[offset]!
    const found =
      byte > 0x20 && byte < 0x7f
        ? `"${String.fromCharCode(byte)}"`
        : `byte 0x${byte.toString(16).padStart(2, '0')}`
    return this.#fault(offset, `expected ${expected}, got ${found}`)
  }

  #fault(offset: number, message: string): DecodeError {
    const lineStart = this.#bytes.subarray(0, offset).lastIndexOf(NEWLINE) + 1
    return new DecodeError(
      'json-syntax',
      `line ${this.lineAt(offset)}`,
      `${message} (column ${offset - lineStart + 1})`,
    )
  }

  /** Reads on from a string's first backslash; such strings are rare, and made by way of a text. */
  #escapedString(start: number, backslash: number): void {
    const bytes = this.#bytes
    const end = this.#end
    let pos = backslash
    while (pos < end) {
      const byte = bytes[pos]!
      if (byte === QUOTE) {
        const raw = decoder.decode(bytes.subarray(start - 1, pos + 1))
        this.text = encoder.encode(JSON.parse(raw) as string)
        this.textStart = 0
        this.textEnd = this.text.length
        this.pos = pos + 1
        return
      }
      if (byte < 0x20) throw this.#fault(pos, 'a control character inside a string must be escaped')
      pos++
      if (byte !== BACKSLASH) continue
      if (bytes[pos] === UTF8_ESCAPE) {
        for (let digit = pos + 1; digit <= pos + 4; digit++) {
          if (!isHexDigit(bytes[digit])) throw this.#unexpectedAt(digit, 'a hexadecimal digit')
        }
        pos += 5
      } else {
        if (pos >= end || !ESCAPES.includes(bytes[pos]!))
          throw this.#unexpectedAt(pos, 'an escape that JSON knows')
        pos++
      }
    }
    throw this.#fault(end, 'the input ends inside a string')
  }

  /** Reads on after a number's whole digits where it has more, or many of them. */
  #longNumber(start: number, afterDigits: number): number {
    let pos = afterDigits
    if (this.#bytes[pos] === 0x2e) pos = this.#digits(pos + 1)
    if (this.#bytes[pos] === 0x65 || this.#bytes[pos] === 0x45) {
      pos++
      if (this.#bytes[pos] === 0x2b || this.#bytes[pos] === MINUS) pos++
      pos = this.#digits(pos)
    }
    this.pos = pos
    return Number(decoder.decode(this.#bytes.subarray(start, pos)))
  }

  #digits(start: number): number {
    let pos = start
    while (pos < this.#end && this.#bytes[pos]! >= ZERO && this.#bytes[pos]! <= NINE) pos++
    if (pos === start) throw this.#unexpectedAt(pos, 'a digit')
    return pos
  }
}

/** A member's name with its quotes as words of four bytes, the last overlapping the one before: for `takeName`. */
export function nameWords(name: string): Int32Array {
  const bytes = encoder.encode(JSON.stringify(name))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const count = Math.ceil(bytes.length / 4)
  return Int32Array.from({ length: count }, (_, i) => view.getInt32(Math.min(4 * i, bytes.length - 4), true))
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return (byte >= ZERO && byte <= NINE) || (lower >= 0x61 && lower <= 0x66)
}
