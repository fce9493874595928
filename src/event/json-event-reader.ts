import { DecodeError } from './decode-error.ts'
import { type Dictionary, FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from './dictionary.ts'
import { type EventColumns, TRACE_BYTES } from './event-columns.ts'
import {
  ENDPOINT_FIELDS,
  ENDPOINT_KIND,
  ENDPOINT_PORT,
  EVENT_FIELDS,
  EVENT_RULE_OF,
  FIELD,
  type JsonRule,
  PORT_RULE,
} from './json-fields.ts'
import type { JsonScanner } from './json-scanner.ts'
import { MemberNames } from './member-names.ts'
import { MAX_TIME_MS } from './limits.ts'
import { parseRfc3339 } from './rfc3339.ts'
import { normalizeKind } from './workload-kinds.ts'

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUOTE = 0x22

/** Stands for a field that is absent or null where 0 would mean something. */
const NONE = -1

/** Where an event's endpoints are kept while it is read. */
type EndpointSymbols = Int32Array

/**
 * Reads one JSON event after the other into columns. An event is added when its object has been read whole, so that the
 * order of fields does not matter; of a field given twice the last counts, as `JSON.parse` has it.
 */
export class JsonEventReader {
  readonly #scanner: JsonScanner
  readonly #eventNames = new MemberNames(EVENT_FIELDS)
  readonly #sourceNames = new MemberNames(ENDPOINT_FIELDS)
  readonly #destinationNames = new MemberNames(ENDPOINT_FIELDS)
  #columns!: EventColumns
  /** Index of the event in the array it stands in, `NONE` where it stands alone. */
  #element = NONE
  #arrayStart = 0
  /** Offset of the event's opening brace. */
  #start = 0

  /** By field number. Symbols of texts; 0 where absent. */
  readonly #texts = new Int32Array(EVENT_FIELDS.length)
  /** By field number. Numbers, flags (0, 1) and words (0, 1); `NONE` where absent. */
  readonly #numbers = new Float64Array(EVENT_FIELDS.length)
  readonly #source: EndpointSymbols = new Int32Array(ENDPOINT_FIELDS.length)
  readonly #destination: EndpointSymbols = new Int32Array(ENDPOINT_FIELDS.length)
  readonly #trace = new Uint8Array(TRACE_BYTES)
  /** Symbols: name and value in turn. */
  readonly #requestHeaders: number[] = []
  readonly #responseHeaders: number[] = []

  constructor(scanner: JsonScanner) {
    this.#scanner = scanner
  }

  begin(columns: EventColumns): void {
    this.#columns = columns
  }

  /** Reads the object that is next, which stands alone. */
  read(): void {
    this.#element = NONE
    this.#read()
  }

  /** Reads the object that is next, which is element `element` of an array that begins at `arrayStart`. */
  readElement(element: number, arrayStart: number): void {
    this.#element = element
    this.#arrayStart = arrayStart
    this.#read()
  }

  #read(): void {
    const scanner = this.#scanner
    this.#start = scanner.pos
    this.#texts.fill(0)
    this.#numbers.fill(NONE)
    this.#requestHeaders.length = 0
    this.#responseHeaders.length = 0
    const names = this.#eventNames
    names.begin()
    for (let more = scanner.open(CLOSE_BRACE); more; more = scanner.next(CLOSE_BRACE)) {
      const field = names.read(scanner)
      if (field < 0) {
        scanner.skipValue()
        this.#columns.unknownFields++
      } else {
        this.#readField(field, EVENT_RULE_OF[field]!)
      }
    }
    this.#add()
  }

  #readField(field: number, rule: JsonRule): void {
    switch (rule.kind) {
      case 'text':
        this.#texts[field] = this.#isNull() ? 0 : this.#symbol(EVENT_FIELDS[field]!)
        return
      case 'whole':
        this.#numbers[field] = this.#isNull() ? NONE : this.#whole(EVENT_FIELDS[field]!, rule)
        return
      case 'flag':
        this.#numbers[field] = this.#isNull() ? NONE : this.#flag(EVENT_FIELDS[field]!)
        return
      case 'word':
        this.#numbers[field] = this.#isNull() ? NONE : this.#word(EVENT_FIELDS[field]!, rule.words)
        return
      case 'time':
        this.#numbers[field] = this.#isNull() ? NONE : this.#time()
        return
      case 'trace':
        this.#numbers[field] = this.#isNull() ? NONE : this.#traceId()
        return
      case 'endpoint':
        this.#numbers[field] = this.#isNull() ? NONE : this.#endpoint(field === FIELD.source)
        return
      case 'headers':
        this.#headers(
          EVENT_FIELDS[field]!,
          field === FIELD.requestHeaders ? this.#requestHeaders : this.#responseHeaders,
        )
    }
  }

  /** Adds the event that was read, if nothing is missing. */
  #add(): void {
    const numbers = this.#numbers
    const isRequest = numbers[FIELD.kind] !== 1
    if (numbers[FIELD.time] === NONE) throw this.#missing('time')
    if (numbers[FIELD.direction] === NONE) throw this.#missing('direction')
    if (numbers[FIELD.destination] === NONE) throw this.#missing('destination')
    if (isRequest && numbers[FIELD.latencyMicros] === NONE) throw this.#missing('latencyMicros')
    if (isRequest) this.#addRequest()
    else this.#addConnection()
  }

  #addRequest(): void {
    const columns = this.#columns
    const numbers = this.#numbers
    const index = columns.addRequest(
      this.#flow(columns.dictionary, this.#texts),
      columns.dictionary.outcome(
        numbers[FIELD.status]!,
        numbers[FIELD.grpcStatus]!,
        numbers[FIELD.reset] === 1,
        this.#texts[FIELD.reason]!,
      ),
      numbers[FIELD.time]!,
      numbers[FIELD.latencyMicros]!,
      Math.max(numbers[FIELD.requestBytes]!, 0),
      Math.max(numbers[FIELD.responseBytes]!, 0),
    )
    if (numbers[FIELD.traceId] !== NONE) columns.setTrace(index, this.#trace, 0)
    const requestHeaders = this.#requestHeaders
    for (let i = 0; i < requestHeaders.length; i += 2) {
      columns.addHeader(index, 'request', requestHeaders[i]!, requestHeaders[i + 1]!)
    }
    const responseHeaders = this.#responseHeaders
    for (let i = 0; i < responseHeaders.length; i += 2) {
      columns.addHeader(index, 'response', responseHeaders[i]!, responseHeaders[i + 1]!)
    }
  }

  #addConnection(): void {
    const numbers = this.#numbers
    this.#columns.addConnection(
      this.#flow(this.#columns.dictionary, NO_TEXTS),
      numbers[FIELD.time]!,
      numbers[FIELD.open]!,
      Math.max(numbers[FIELD.opened]!, 0),
      Math.max(numbers[FIELD.closed]!, 0),
      Math.max(numbers[FIELD.readBytes]!, 0),
      Math.max(numbers[FIELD.writtenBytes]!, 0),
    )
  }

  /** The flow; `http` has the texts that only requests have. */
  #flow(dictionary: Dictionary, http: Int32Array): number {
    const numbers = this.#numbers
    const isOutbound = numbers[FIELD.direction] === 1
    const cluster = this.#texts[FIELD.cluster]!
    let source = 0
    // The reporter's cluster says something of a source even where nothing else is known: an outbound reporter is it.
    if (numbers[FIELD.source] !== NONE) source = internEndpoint(dictionary, this.#source, cluster)
    else if (isOutbound && cluster !== 0) source = internEndpoint(dictionary, NO_ENDPOINT, cluster)
    const tls = numbers[FIELD.tls]
    return dictionary.flow(
      (isOutbound ? FLAG_OUTBOUND : 0) | (tls === NONE ? 0 : FLAG_TLS_KNOWN) | (tls === 1 ? FLAG_TLS : 0),
      source,
      internEndpoint(dictionary, this.#destination, cluster),
      http[FIELD.authority]!,
      http[FIELD.method]!,
      http[FIELD.scheme]!,
      http[FIELD.route]!,
      http[FIELD.path]!,
      this.#texts[FIELD.proxy]!,
    )
  }

  /** Whether the next value is null, which then is taken: it says the same as leaving the field out. */
  #isNull(): boolean {
    if (this.#scanner.peek() !== 0x6e) return false
    this.#scanner.literal('null')
    return true
  }

  #symbol(name: string): number {
    const scanner = this.#scanner
    if (scanner.peek() !== QUOTE) throw this.#badValue(name, 'a string')
    scanner.string()
    return this.#columns.dictionary.symbols.internBytes(scanner.text, scanner.textStart, scanner.textEnd)
  }

  #whole(name: string, rule: { readonly max: number; readonly what: string }): number {
    const scanner = this.#scanner
    const start = this.#scanner.pos
    const byte = scanner.peek()
    if (byte !== 0x2d && (byte < 0x30 || byte > 0x39)) throw this.#badValue(name, rule.what)
    const value = scanner.number()
    if (value >= 0 && value <= rule.max && Number.isInteger(value)) return value
    scanner.pos = start
    throw this.#badValue(name, value > rule.max ? `at most ${rule.max}` : rule.what)
  }

  #flag(name: string): number {
    const scanner = this.#scanner
    const byte = scanner.peek()
    if (byte !== 0x74 && byte !== 0x66) throw this.#badValue(name, 'true or false')
    scanner.literal(byte === 0x74 ? 'true' : 'false')
    return byte === 0x74 ? 1 : 0
  }

  #word(name: string, words: readonly [string, string]): number {
    const scanner = this.#scanner
    const start = scanner.pos
    if (scanner.peek() === QUOTE) {
      scanner.string()
      const length = scanner.textEnd - scanner.textStart
      for (let i = 0; i < 2; i++) if (length === words[i]!.length && this.#textIs(words[i]!)) return i
      scanner.pos = start
    }
    throw this.#badValue(name, `"${words[0]}" or "${words[1]}"`)
  }

  #textIs(word: string): boolean {
    const { text, textStart } = this.#scanner
    for (let i = 0; i < word.length; i++) if (text[textStart + i] !== word.charCodeAt(i)) return false
    return true
  }

  #time(): number {
    const scanner = this.#scanner
    const start = scanner.pos
    const byte = scanner.peek()
    let time = Number.NaN
    if (byte === QUOTE) {
      scanner.string()
      time = parseRfc3339(scanner.text, scanner.textStart, scanner.textEnd)
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      time = Math.floor(scanner.number())
    }
    if (time >= 0 && time <= MAX_TIME_MS) return time
    scanner.pos = start
    throw this.#badValue('time', 'an RFC 3339 time with its zone, or epoch milliseconds')
  }

  #traceId(): number {
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
          this.#trace[i] = byte
        }
        if (valid >= 0) return 1
      }
      scanner.pos = start
    }
    throw this.#badValue('traceId', '32 hexadecimal digits')
  }

  #endpoint(isSource: boolean): number {
    const scanner = this.#scanner
    const side = isSource ? 'source' : 'destination'
    const symbols = isSource ? this.#source : this.#destination
    if (scanner.peek() !== OPEN_BRACE) throw this.#badValue(side, 'an object')
    symbols.fill(0)
    const names = isSource ? this.#sourceNames : this.#destinationNames
    names.begin()
    for (let more = scanner.open(CLOSE_BRACE); more; more = scanner.next(CLOSE_BRACE)) {
      const field = names.read(scanner)
      if (field < 0) {
        scanner.skipValue()
        this.#columns.unknownFields++
      } else if (this.#isNull()) {
        symbols[field] = 0
      } else if (field === ENDPOINT_PORT) {
        symbols[field] = this.#whole(`${side}.port`, PORT_RULE)
      } else if (field === ENDPOINT_KIND) {
        symbols[field] = this.#kind(`${side}.kind`)
      } else {
        symbols[field] = this.#symbol(isSource ? SOURCE_NAMES[field]! : DESTINATION_NAMES[field]!)
      }
    }
    return 1
  }

  #kind(name: string): number {
    const scanner = this.#scanner
    const symbol = this.#symbol(name)
    if (isPlainKind(scanner.text, scanner.textStart, scanner.textEnd)) return symbol
    const { symbols } = this.#columns.dictionary
    return symbols.intern(normalizeKind(symbols.text(symbol)))
  }

  /** Reads an object of names to strings, or to arrays of strings, in place of what `headers` holds. */
  #headers(field: string, headers: number[]): void {
    const scanner = this.#scanner
    headers.length = 0
    if (this.#isNull()) return
    if (scanner.peek() !== OPEN_BRACE) throw this.#badValue(field, 'an object of names to values')
    const { symbols } = this.#columns.dictionary
    for (let more = scanner.open(CLOSE_BRACE); more; more = scanner.next(CLOSE_BRACE)) {
      scanner.name()
      const written = symbols.internBytes(scanner.text, scanner.textStart, scanner.textEnd)
      const name = symbols.intern(symbols.text(written).toLowerCase())
      if (this.#isNull()) continue
      if (scanner.peek() !== OPEN_BRACKET) {
        headers.push(name, this.#headerValue(field, written))
        continue
      }
      for (let one = scanner.open(CLOSE_BRACKET); one; one = scanner.next(CLOSE_BRACKET)) {
        headers.push(name, this.#headerValue(field, written))
      }
    }
  }

  #headerValue(field: string, name: number): number {
    if (this.#scanner.peek() === QUOTE) return this.#symbol(field)
    const { symbols } = this.#columns.dictionary
    throw this.#badValue(`${field}.${symbols.text(name).slice(0, 40)}`, 'a string or an array of strings')
  }

  /** The error for the value that is next. */
  #badValue(field: string, expected: string): DecodeError {
    const scanner = this.#scanner
    scanner.peek()
    const offset = scanner.pos
    const found = `must be ${expected}, got ${scanner.quote(offset)}`
    return this.#element === NONE
      ? new DecodeError('field-value', `line ${scanner.lineAt(offset)}`, `"${field}" ${found}`)
      : new DecodeError('field-value', `${this.#place()}.${field}`, found)
  }

  #missing(field: string): DecodeError {
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

const NO_TEXTS = new Int32Array(EVENT_FIELDS.length)
const NO_ENDPOINT: EndpointSymbols = new Int32Array(ENDPOINT_FIELDS.length)
const SOURCE_NAMES = ENDPOINT_FIELDS.map((name) => `source.${name}`)
const DESTINATION_NAMES = ENDPOINT_FIELDS.map((name) => `destination.${name}`)

/** By byte: what a hexadecimal digit means, -1 where it is none. */
const HEX_VALUES = Int8Array.from({ length: 256 }, (_, byte) => {
  const digit = String.fromCharCode(byte)
  return /[0-9a-f]/i.test(digit) ? Number.parseInt(digit, 16) : -1
})

function internEndpoint(dictionary: Dictionary, symbols: EndpointSymbols, cluster: number): number {
  return dictionary.endpoint(
    symbols[0] === 0 ? cluster : symbols[0]!,
    symbols[1]!,
    symbols[2]!,
    symbols[3]!,
    symbols[4]!,
    symbols[5]!,
    symbols[6]!,
    symbols[7]!,
    symbols[8]!,
  )
}

/** Whether a kind is in the form that `normalizeKind` gives, as nearly all are: lower case without a plural's s. */
function isPlainKind(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i]! < 0x61 || bytes[i]! > 0x7a) return false
  return bytes[end - 1] !== 0x73
}
