import { type InputValue, malformed, MAX_VALUE_BYTES } from './input-value.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const LINE_FEED = 0x0a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * The objects of a JSON document, one after the other or in one array, without reading the whole of it at once. Only where
 * they begin and end is looked at: what is between is the decoder's to judge. Line feeds in them become spaces, so that
 * each is one line.
 */
export async function* jsonValuesOf(
  chunks: AsyncIterable<Buffer>,
  maxBytes: number = MAX_VALUE_BYTES,
): AsyncGenerator<InputValue[]> {
  const splitter = new ObjectSplitter(maxBytes)
  for await (const chunk of chunks) {
    const values = splitter.split(chunk)
    if (values.length > 0) yield values
  }
  splitter.end()
}

class ObjectSplitter {
  readonly #maxBytes: number
  /** Parts of an object that began in an earlier chunk. */
  #parts: Buffer[] = []
  #bytes = 0
  #line = 1
  #startLine = 1
  /** Braces and brackets open in the object; 0 between objects. */
  #depth = 0
  #inString = false
  #escaped = false
  #array: 'none' | 'open' | 'closed' = 'none'

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  split(chunk: Buffer): InputValue[] {
    const values: InputValue[] = []
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!
      if (this.#depth === 0) {
        if (this.#between(byte)) start = at
        continue
      }
      if (byte === LINE_FEED) {
        if (this.#inString) throw malformed(this.#line, 'a line ends within a string')
        this.#line++
        chunk[at] = 0x20
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (byte === BACKSLASH) this.#escaped = true
        else if (byte === QUOTE) this.#inString = false
      } else if (byte === QUOTE) this.#inString = true
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth++
      else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --this.#depth === 0) {
        values.push(this.#take(chunk.subarray(start, at + 1)))
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(start))
    return values
  }

  end(): void {
    if (this.#depth > 0) throw malformed(this.#startLine, 'the object that begins here does not end')
    if (this.#array === 'open') throw malformed(this.#line, 'the array does not end')
  }

  /** Whether an object begins. */
  #between(byte: number): boolean {
    if (byte === LINE_FEED) this.#line++
    if (byte === LINE_FEED || byte === 0x20 || byte === 0x0d || byte === 0x09) return false
    if (byte === OPEN_BRACE && this.#array !== 'closed') {
      this.#depth = 1
      this.#startLine = this.#line
      return true
    }
    if (byte === OPEN_BRACKET && this.#array === 'none') this.#array = 'open'
    else if (byte === CLOSE_BRACKET && this.#array === 'open') this.#array = 'closed'
    else if (byte !== COMMA || this.#array !== 'open') {
      throw malformed(
        this.#line,
        `expected an object, found ${JSON.stringify(String.fromCharCode(byte))}; events are objects, one a line or in an array`,
      )
    }
    return false
  }

  #take(part: Buffer): InputValue {
    this.#keep(part)
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
    this.#parts = []
    this.#bytes = 0
    return { bytes, line: this.#startLine }
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length
    if (this.#bytes > this.#maxBytes) {
      throw malformed(this.#startLine, `the object that begins here is longer than ${this.#maxBytes} bytes`)
    }
    this.#parts.push(part)
  }
}
