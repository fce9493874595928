import { type Dictionary, FLAG_OUTBOUND, FLAG_TLS, FLAG_TLS_KNOWN } from './dictionary.ts'
import type { EventColumns } from './event-columns.ts'
import { MAX_LATENCY_MICROS, MAX_RECORD_EVENTS } from './limits.ts'
import { type AttributeValues, FLAG, presenceMask } from './otlp-attributes.ts'
import { hasPrefix, isText, TextPieces } from './otlp-bytes.ts'
import { KIND_CLIENT, KIND_SERVER } from './otlp-conventions.ts'
import { Outcomes } from './otlp-outcome.ts'
import { Peer } from './otlp-peer.ts'
import { RequestLine } from './otlp-request-line.ts'
import { Reporter } from './otlp-resource.ts'
import { SPAN, type SpanFields } from './otlp-span-fields.ts'
import { HEADER_STRIDE, RESPONSE_SIDE } from './header-ranges.ts'
import { SpanTexts } from './otlp-span-texts.ts'

const encoder = new TextEncoder()
const ENVOY_COMPONENT = encoder.encode('proxy')
const EGRESS_NAME = encoder.encode('egress ')
const ROUTER_NAME = encoder.encode('router ')
const NO_BYTES = new Uint8Array(0)

/** Presence bits of what is looked at only where it is there. */
const COMPONENT = presenceMask(SPAN.component)
const REQUEST_BYTES = presenceMask(SPAN.requestBytes)
const RESPONSE_BYTES = presenceMask(SPAN.responseBytes)
const TLS = presenceMask(SPAN.tlsEstablished, SPAN.tlsVersion)

/** Why a span cannot become an event. */
export type SpanFault = 'time-missing' | 'time-order' | 'out-of-range' | 'too-many'

export const SPAN_FAULT_MESSAGES: Readonly<Record<SpanFault, string>> = {
  'time-missing':
    "a request's span needs startTimeUnixNano and endTimeUnixNano, and one of them is 0 or left out",
  'time-order': 'the span ends before it starts',
  'out-of-range': `the span lasts longer than ${MAX_LATENCY_MICROS} µs`,
  'too-many': `more than ${MAX_RECORD_EVENTS} spans of requests in one record: send smaller ones`,
}

/** Whether spans of this kind are requests. */
export function isRequestKind(kind: number): boolean {
  return kind === KIND_SERVER || kind === KIND_CLIENT
}

/**
 * Makes events of spans: what OTLP's attributes mean, the same for protobuf and JSON. `docs/otlp.md` has the table.
 *
 * Used as `begin`, then for each resource `recallResource` or `resource`, then for each of its spans `span`, then `end`. All places are in
 * the bytes given to `begin`, which stay as they are until `end`.
 */
export class OtlpMapping {
  readonly #fields: SpanFields
  readonly #texts: SpanTexts
  readonly #line: RequestLine
  readonly #peer: Peer
  readonly #outcomes: Outcomes
  readonly #reporter = new Reporter()
  readonly #pieces = new TextPieces()
  #columns: EventColumns | undefined
  #dictionary: Dictionary | undefined
  #requests = 0

  constructor(fields: SpanFields) {
    this.#fields = fields
    this.#texts = new SpanTexts(fields)
    this.#line = new RequestLine(this.#texts)
    this.#peer = new Peer(this.#texts)
    this.#outcomes = new Outcomes(this.#texts)
  }

  begin(bytes: Uint8Array, columns: EventColumns): void {
    this.#columns = columns
    this.#dictionary = columns.dictionary
    this.#requests = 0
    this.#texts.begin(bytes, columns.dictionary.symbols)
    this.#line.begin()
    this.#peer.begin()
    this.#outcomes.begin()
    this.#reporter.begin(columns.dictionary)
  }

  /** Forgets the message, so that nothing holds its bytes. */
  end(): void {
    this.#columns = undefined
    this.#dictionary = undefined
    this.#texts.begin(NO_BYTES, undefined)
    this.#reporter.end()
  }

  /** Takes up the resource in the message's bytes `[start, end)`, if it was seen before; says whether it was. */
  recallResource(start: number, end: number): boolean {
    if (!this.#reporter.recall(this.#texts.bytes, start, end)) return false
    this.#columns!.unknownFields += this.#reporter.unknownFields
    return true
  }

  /** Remembers the resource read last by its bytes. */
  rememberResource(start: number, end: number): void {
    this.#reporter.remember(this.#texts.bytes, start, end)
  }

  /** Reads the resource that has these attributes, and this many that are not known. */
  resource(attributes: AttributeValues, unknownFields: number): void {
    this.#reporter.read(this.#texts.bytes, attributes, unknownFields)
    this.#columns!.unknownFields += unknownFields
  }

  /** Appends the event of the span in the fields, or counts it as skipped. */
  span(): SpanFault | undefined {
    const fields = this.#fields
    const columns = this.#columns!
    const dictionary = this.#dictionary!
    const texts = this.#texts
    const { common } = fields.attributes
    const fromEnvoy = (common & COMPONENT) !== 0 && this.#isFromEnvoy()
    fields.fromEnvoy = fromEnvoy
    if (!isRequestKind(fields.kind) || (fromEnvoy && this.#nameStarts(ROUTER_NAME))) {
      columns.skipped++
      return undefined
    }
    if (fields.endHigh === 0 && fields.endLow === 0) return 'time-missing'
    if (fields.startHigh === 0 && fields.startLow === 0) return 'time-missing'
    const latencyMicros = elapsedMicros(fields)
    if (latencyMicros < 0) return 'time-order'
    if (latencyMicros > MAX_LATENCY_MICROS) return 'out-of-range'
    if (++this.#requests > MAX_RECORD_EVENTS) return 'too-many'
    const isEgress = fromEnvoy && this.#nameStarts(EGRESS_NAME)
    const outbound = isEgress || fields.kind === KIND_CLIENT
    fields.outbound = outbound
    const reporter = this.#reporter
    const peer = outbound
      ? this.#peer.destination(dictionary, reporter, !isEgress)
      : this.#peer.source(dictionary, reporter)
    const line = this.#line
    line.read()
    const isTls = line.https ? FLAG_TLS_KNOWN | FLAG_TLS : 0
    const tlsFlags = (common & TLS) === 0 ? isTls : this.#tlsFlags(isTls)
    const flow = dictionary.flow(
      (outbound ? FLAG_OUTBOUND : 0) | tlsFlags,
      outbound ? reporter.endpoint : peer,
      outbound ? peer : reporter.endpoint,
      line.authority,
      line.method,
      line.scheme,
      line.route,
      line.path,
      reporter.proxy || texts.symbol(SPAN.nodeId),
    )
    const index = columns.addRequest(
      flow,
      this.#outcomes.read(dictionary),
      epochMillis(fields.endHigh, fields.endLow),
      latencyMicros,
      (common & REQUEST_BYTES) === 0 ? 0 : Math.max(0, texts.number(SPAN.requestBytes)),
      (common & RESPONSE_BYTES) === 0 ? 0 : Math.max(0, texts.number(SPAN.responseBytes)),
    )
    if (fields.traceAt >= 0) columns.copyTrace(index, texts.view, fields.traceAt)
    if (fields.headers.count > 0) this.#headers(index)
    return undefined
  }

  #isFromEnvoy(): boolean {
    const texts = this.#texts
    const start = texts.starts[SPAN.component]!
    return (
      texts.isText(SPAN.component) && isText(texts.bytes, start, texts.ends[SPAN.component]!, ENVOY_COMPONENT)
    )
  }

  #nameStarts(prefix: Uint8Array): boolean {
    return hasPrefix(this.#texts.bytes, this.#fields.nameStart, this.#fields.nameEnd, prefix)
  }

  /** What the span says of TLS, else what its scheme does. */
  #tlsFlags(byScheme: number): number {
    const texts = this.#texts
    const isKnown = texts.attributes.kind(SPAN.tlsEstablished) === FLAG
    if (isKnown) return texts.flag(SPAN.tlsEstablished) ? FLAG_TLS_KNOWN | FLAG_TLS : FLAG_TLS_KNOWN
    return texts.hasText(SPAN.tlsVersion) ? FLAG_TLS_KNOWN | FLAG_TLS : byScheme
  }

  #headers(index: number): void {
    const { places, count } = this.#fields.headers
    const { view, symbols } = this.#texts
    const pieces = this.#pieces
    for (let at = 0; at < count * HEADER_STRIDE; at += HEADER_STRIDE) {
      pieces.clear()
      pieces.range(view, places[at + 1]!, places[at + 2]!)
      pieces.lowerCase()
      this.#columns!.addHeader(
        index,
        places[at] === RESPONSE_SIDE ? 'response' : 'request',
        symbols.internBytes(pieces.bytes, 0, pieces.length, pieces.view),
        this.#texts.intern(places[at + 3]!, places[at + 4]!),
      )
    }
  }
}

/** Nanoseconds, as unsigned halves, in whole milliseconds: 2^32 ns are 4,294 ms and 967,296 ns. */
function epochMillis(high: number, low: number): number {
  return high * 4294 + Math.floor((high * 967_296 + low) / 1_000_000)
}

/** From start to end in whole microseconds, negative where the end comes first: 2^32 ns are 4,294,967 µs and 296 ns. */
function elapsedMicros(fields: SpanFields): number {
  const high = fields.endHigh - fields.startHigh
  const low = fields.endLow - fields.startLow
  return high * 4_294_967 + Math.floor((high * 296 + low) / 1000)
}
