import { DecodeError } from './decode-error.ts'
import type { EventColumns } from './event-columns.ts'
import { tooMany } from './index-columns.ts'
import { JsonEventReader } from './json-event-reader.ts'
import { JsonScanner } from './json-scanner.ts'
import { elementPlace } from './json-values.ts'
import { MAX_RECORD_EVENTS } from './limits.ts'

const OPEN_BRACE = 0x7b
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/**
 * Decodes JSON events into `columns`, replacing what they hold: an object, an array of objects, or any number of either
 * with white space between (NDJSON).
 *
 * The bytes are scanned once and strings interned from them; no objects are made, which is twice as quick as
 * `JSON.parse` alone and leaves nothing for hostile keys to reach. Throws a `DecodeError` at the first fault, with the
 * columns cleared.
 */
export function decodeJson(bytes: Uint8Array, columns: EventColumns): void {
  decoder ??= new JsonDecoder()
  decoder.decode(bytes, columns)
}

/** Holds nothing between calls but memory to use again. */
let decoder: JsonDecoder | undefined

class JsonDecoder {
  readonly #scanner = new JsonScanner()
  readonly #reader = new JsonEventReader(this.#scanner)

  decode(bytes: Uint8Array, columns: EventColumns): void {
    columns.clear()
    try {
      this.#scanner.begin(bytes)
      this.#reader.begin(columns)
      this.#readAll(columns)
    } catch (error) {
      columns.clear()
      throw error
    } finally {
      this.#scanner.release()
    }
  }

  #readAll(columns: EventColumns): void {
    const scanner = this.#scanner
    for (let byte = scanner.peek(); byte >= 0; byte = scanner.peek()) {
      if (byte === OPEN_BRACE) {
        this.#reader.read()
        this.#checkCount(columns)
      } else if (byte === OPEN_BRACKET) {
        const arrayStart = scanner.pos
        let element = 0
        for (let more = scanner.open(CLOSE_BRACKET); more; more = scanner.next(CLOSE_BRACKET)) {
          if (scanner.peek() !== OPEN_BRACE) throw this.#noObject(element, arrayStart)
          this.#reader.readElement(element++, arrayStart)
          this.#checkCount(columns)
        }
      } else {
        throw scanner.unexpected('an event, which is an object, or an array of events')
      }
    }
  }

  #noObject(element: number, arrayStart: number): DecodeError {
    const found = this.#scanner.quote(this.#scanner.pos)
    const place = elementPlace(this.#scanner, element, arrayStart)
    return new DecodeError('field-value', place, `must be an event, which is an object, got ${found}`)
  }

  #checkCount(columns: EventColumns): void {
    if (columns.requests > MAX_RECORD_EVENTS || columns.connections > MAX_RECORD_EVENTS) {
      throw tooMany(`line ${this.#scanner.lineAt(this.#scanner.pos)}`, 'events')
    }
  }
}
