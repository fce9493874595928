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
import { JsonValues, NONE } from './json-values.ts'
import { MemberNames } from './member-names.ts'

const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const QUOTE = 0x22

/** Where an event's endpoints are kept while it is read. */
type EndpointSymbols = Int32Array

/**
 * Reads one JSON event after the other into columns. An event is added when its object has been read whole, so that the
 * order of fields does not matter; of a field given twice the last counts, as `JSON.parse` has it.
 */
export class JsonEventReader {
  readonly #scanner: JsonScanner
  readonly #values: JsonValues
  readonly #eventNames = new MemberNames(EVENT_FIELDS)
  readonly #sourceNames = new MemberNames(ENDPOINT_FIELDS)
  readonly #destinationNames = new MemberNames(ENDPOINT_FIELDS)
  #columns!: EventColumns

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
    this.#values = new JsonValues(scanner)
  }

  begin(columns: EventColumns): void {
    this.#columns = columns
    this.#values.begin(columns.dictionary.symbols)
  }

  /** Reads the object that is next, which stands alone. */
  read(): void {
    this.#values.beginEvent(NONE, 0)
    this.#read()
  }

  /** Reads the object that is next, which is element `element` of an array that begins at `arrayStart`. */
  readElement(element: number, arrayStart: number): void {
    this.#values.beginEvent(element, arrayStart)
    this.#read()
  }

  #read(): void {
    const scanner = this.#scanner
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
        this.#texts[field] = this.#values.isNull() ? 0 : this.#values.symbol(EVENT_FIELDS[field]!)
        return
      case 'whole':
        this.#numbers[field] = this.#values.isNull() ? NONE : this.#values.whole(EVENT_FIELDS[field]!, rule)
        return
      case 'flag':
        this.#numbers[field] = this.#values.isNull() ? NONE : this.#values.flag(EVENT_FIELDS[field]!)
        return
      case 'word':
        this.#numbers[field] = this.#values.isNull()
          ? NONE
          : this.#values.word(EVENT_FIELDS[field]!, rule.words)
        return
      case 'time':
        this.#numbers[field] = this.#values.isNull() ? NONE : this.#values.time()
        return
      case 'trace':
        this.#numbers[field] = this.#values.isNull() ? NONE : this.#values.traceId(this.#trace)
        return
      case 'endpoint':
        this.#numbers[field] = this.#values.isNull() ? NONE : this.#endpoint(field === FIELD.source)
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
    if (numbers[FIELD.time] === NONE) throw this.#values.missing('time')
    if (numbers[FIELD.direction] === NONE) throw this.#values.missing('direction')
    if (numbers[FIELD.destination] === NONE) throw this.#values.missing('destination')
    if (isRequest && numbers[FIELD.latencyMicros] === NONE) throw this.#values.missing('latencyMicros')
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

  #endpoint(isSource: boolean): number {
    const scanner = this.#scanner
    const side = isSource ? 'source' : 'destination'
    const symbols = isSource ? this.#source : this.#destination
    if (scanner.peek() !== OPEN_BRACE) throw this.#values.badValue(side, 'an object')
    symbols.fill(0)
    const names = isSource ? this.#sourceNames : this.#destinationNames
    names.begin()
    for (let more = scanner.open(CLOSE_BRACE); more; more = scanner.next(CLOSE_BRACE)) {
      const field = names.read(scanner)
      if (field < 0) {
        scanner.skipValue()
        this.#columns.unknownFields++
      } else if (this.#values.isNull()) {
        symbols[field] = 0
      } else if (field === ENDPOINT_PORT) {
        symbols[field] = this.#values.whole(`${side}.port`, PORT_RULE)
      } else if (field === ENDPOINT_KIND) {
        symbols[field] = this.#values.kind(`${side}.kind`)
      } else {
        symbols[field] = this.#values.symbol(isSource ? SOURCE_NAMES[field]! : DESTINATION_NAMES[field]!)
      }
    }
    return 1
  }

  /** Reads an object of names to strings, or to arrays of strings, in place of what `headers` holds. */
  #headers(field: string, headers: number[]): void {
    const scanner = this.#scanner
    headers.length = 0
    if (this.#values.isNull()) return
    if (scanner.peek() !== OPEN_BRACE) throw this.#values.badValue(field, 'an object of names to values')
    const { symbols } = this.#columns.dictionary
    for (let more = scanner.open(CLOSE_BRACE); more; more = scanner.next(CLOSE_BRACE)) {
      scanner.name()
      const written = symbols.internBytes(scanner.text, scanner.textStart, scanner.textEnd)
      const name = symbols.intern(symbols.text(written).toLowerCase())
      if (this.#values.isNull()) continue
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
    if (this.#scanner.peek() === QUOTE) return this.#values.symbol(field)
    const { symbols } = this.#columns.dictionary
    throw this.#values.badValue(
      `${field}.${symbols.text(name).slice(0, 40)}`,
      'a string or an array of strings',
    )
  }
}

const NO_TEXTS = new Int32Array(EVENT_FIELDS.length)
const NO_ENDPOINT: EndpointSymbols = new Int32Array(ENDPOINT_FIELDS.length)
const SOURCE_NAMES = ENDPOINT_FIELDS.map((name) => `source.${name}`)
const DESTINATION_NAMES = ENDPOINT_FIELDS.map((name) => `destination.${name}`)

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
