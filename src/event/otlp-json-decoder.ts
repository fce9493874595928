import { DecodeError } from './decode-error.ts'
import { type EventColumns, TRACE_BYTES } from './event-columns.ts'
import { type AttributeValues, FLAG, NUMBER } from './otlp-attributes.ts'
import { REQUEST_HEADER_PREFIX, RESPONSE_HEADER_PREFIX, STATUS_ERROR } from './otlp-conventions.ts'
import {
  arrayAt,
  doubleAt,
  enumAt,
  fixed64At,
  int64At,
  type JsonObject,
  objectAt,
  parseJson,
  stringAt,
  typeFault,
  Utf8Arena,
} from './otlp-json-text.ts'
import { isRequestKind, OtlpMapping, SPAN_FAULT_MESSAGES } from './otlp-mapping.ts'
import { REQUEST_SIDE, RESPONSE_SIDE } from './header-ranges.ts'
import { resourceAttributes, SpanFields } from './otlp-span-fields.ts'

/**
 * Decodes an ExportTraceServiceRequest in OTLP/JSON as `decodeOtlpTraces` does in protobuf: see
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding.
 */
export function decodeOtlpTracesJson(bytes: Uint8Array, columns: EventColumns): void {
  const root = parseJson(bytes)
  if (typeof root !== 'object' || root === null) throw typeFault('body', 'an object', root)
  walker.walk(
    objectAt(root, () => 'body'),
    new Utf8Arena(bytes.length),
    columns,
  )
}

const SPAN_KINDS = {
  SPAN_KIND_UNSPECIFIED: 0,
  SPAN_KIND_INTERNAL: 1,
  SPAN_KIND_SERVER: 2,
  SPAN_KIND_CLIENT: 3,
  SPAN_KIND_PRODUCER: 4,
  SPAN_KIND_CONSUMER: 5,
}
const STATUS_CODES = { STATUS_CODE_UNSET: 0, STATUS_CODE_OK: 1, STATUS_CODE_ERROR: 2 }

/** Fields of each message; the others are not known, and counted. */
const REQUEST_FIELDS = new Set(['resourceSpans'])
const RESOURCE_SPANS_FIELDS = new Set(['resource', 'scopeSpans', 'schemaUrl'])
const RESOURCE_FIELDS = new Set(['attributes', 'droppedAttributesCount', 'entityRefs'])
const SCOPE_SPANS_FIELDS = new Set(['scope', 'spans', 'schemaUrl'])
const SPAN_FIELDS = new Set(
  (
    'traceId spanId traceState parentSpanId name kind startTimeUnixNano endTimeUnixNano attributes events links ' +
    'status flags droppedAttributesCount droppedEventsCount droppedLinksCount'
  ).split(' '),
)
const STATUS_FIELDS = new Set(['message', 'code'])
const PAIR_FIELDS = new Set(['key', 'value'])
const VALUE_FIELDS = new Set(
  'stringValue boolValue intValue doubleValue arrayValue kvlistValue bytesValue'.split(' '),
)
const ARRAY_FIELDS = new Set(['values'])

/** Walks a parsed message, its depth fixed, and puts what matters where the mapping looks for it. */
class OtlpJsonWalker {
  readonly #fields = new SpanFields()
  readonly #resource = resourceAttributes()
  readonly #mapping = new OtlpMapping(this.#fields)
  #arena = new Utf8Arena(0)
  #unknownFields = 0
  #skippedSpans = 0
  #at = ''

  walk(root: JsonObject, arena: Utf8Arena, columns: EventColumns): void {
    this.#arena = arena
    this.#unknownFields = 0
    this.#skippedSpans = 0
    this.#mapping.begin(arena.bytes, columns)
    try {
      this.#count(root, REQUEST_FIELDS)
      this.#each(root['resourceSpans'], 'resourceSpans', (one) => this.#resourceSpans(one))
      columns.unknownFields += this.#unknownFields
      columns.skipped += this.#skippedSpans
    } finally {
      this.#mapping.end()
      this.#arena = new Utf8Arena(0)
      this.#at = ''
    }
  }

  #resourceSpans(one: JsonObject): void {
    this.#count(one, RESOURCE_SPANS_FIELDS)
    this.#resource.clear()
    const unknownFields = this.#unknownFields
    const resource = objectAt(one['resource'], () => `${this.#at}.resource`)
    this.#count(resource, RESOURCE_FIELDS)
    this.#within('.resource', () => {
      this.#each(resource['attributes'], 'attributes', (pair) => this.#attribute(this.#resource, pair))
    })
    this.#mapping.resource(this.#resource, this.#unknownFields - unknownFields)
    this.#unknownFields = unknownFields
    this.#each(one['scopeSpans'], 'scopeSpans', (scopeSpans) => {
      this.#count(scopeSpans, SCOPE_SPANS_FIELDS)
      this.#each(scopeSpans['spans'], 'spans', (span) => this.#span(span))
    })
  }

  #span(span: JsonObject): void {
    const at = (field: string) => () => `${this.#at}.${field}`
    const fields = this.#fields
    fields.clear()
    fields.kind = enumAt(span['kind'], SPAN_KINDS, at('kind'))
    if (fields.kind !== 0 && !isRequestKind(fields.kind)) {
      this.#skippedSpans++
      return
    }
    this.#count(span, SPAN_FIELDS)
    fields.traceAt = this.#traceId(stringAt(span['traceId'], at('traceId')))
    fields.nameStart = this.#arena.add(stringAt(span['name'], at('name')))
    fields.nameEnd = this.#arena.length
    const start = fixed64At(span['startTimeUnixNano'], at('startTimeUnixNano'))
    fields.startHigh = Number(start >> 32n)
    fields.startLow = Number(start & 0xffff_ffffn)
    const end = fixed64At(span['endTimeUnixNano'], at('endTimeUnixNano'))
    fields.endHigh = Number(end >> 32n)
    fields.endLow = Number(end & 0xffff_ffffn)
    const status = objectAt(span['status'], at('status'))
    this.#count(status, STATUS_FIELDS)
    fields.failed = enumAt(status['code'], STATUS_CODES, at('status.code')) === STATUS_ERROR
    this.#each(span['attributes'], 'attributes', (pair) => this.#attribute(fields.attributes, pair))
    const fault = this.#mapping.span()
    if (fault !== undefined) throw new DecodeError(fault, this.#at, SPAN_FAULT_MESSAGES[fault])
  }

  /** Where the bytes of a trace id in hexadecimal digits are, -1 where it is empty. */
  #traceId(text: string): number {
    if (text === '') return -1
    if (text.length !== 2 * TRACE_BYTES || !/^[0-9a-f]+$/i.test(text)) {
      const message = `a trace id has ${2 * TRACE_BYTES} hexadecimal digits, this one is ${JSON.stringify(text.slice(0, 64))}`
      throw new DecodeError('trace-id', `${this.#at}.traceId`, message)
    }
    const start = this.#arena.length
    for (let i = 0; i < text.length; i += 2) this.#arena.byte(Number.parseInt(text.slice(i, i + 2), 16))
    return start
  }

  #attribute(attributes: AttributeValues, pair: JsonObject): void {
    const at = () => `${this.#at}.value`
    this.#count(pair, PAIR_FIELDS)
    const text = stringAt(pair['key'], () => `${this.#at}.key`)
    const value = objectAt(pair['value'], at)
    const key = attributes.findText(text)
    if (key >= 0) {
      this.#count(value, VALUE_FIELDS)
      this.#value(attributes, key, value)
      return
    }
    const isSpan = attributes === this.#fields.attributes
    const prefix = isSpan
      ? HEADER_PREFIXES.find((prefix) => text.length > prefix.length && text.startsWith(prefix))
      : undefined
    if (prefix === undefined) {
      this.#unknownFields++
      return
    }
    this.#count(value, VALUE_FIELDS)
    this.#headerValues(
      prefix === REQUEST_HEADER_PREFIX ? REQUEST_SIDE : RESPONSE_SIDE,
      text.slice(prefix.length),
      value,
    )
  }

  #value(attributes: AttributeValues, key: number, value: JsonObject): void {
    const at = (kind: string) => () => `${this.#at}.value.${kind}`
    const { stringValue, boolValue, intValue, doubleValue } = value
    if (isGiven(stringValue)) {
      const start = this.#arena.add(stringAt(stringValue, at('stringValue')))
      attributes.setText(key, start, this.#arena.length)
    }
    if (isGiven(boolValue)) {
      if (typeof boolValue !== 'boolean') throw typeFault(at('boolValue')(), 'true or false', boolValue)
      attributes.setNumber(key, FLAG, boolValue ? 1 : 0)
    }
    if (isGiven(intValue)) attributes.setNumber(key, NUMBER, int64At(intValue, at('intValue')))
    if (isGiven(doubleValue)) attributes.setNumber(key, NUMBER, doubleAt(doubleValue, at('doubleValue')))
  }

  #headerValues(side: number, name: string, value: JsonObject): void {
    const at = (field: string) => () => `${this.#at}.value.${field}`
    const nameStart = this.#arena.add(name)
    const nameEnd = this.#arena.length
    const add = (text: string): void => {
      const start = this.#arena.add(text)
      this.#fields.headers.add(side, nameStart, nameEnd, start, this.#arena.length)
    }
    if (isGiven(value['stringValue'])) add(stringAt(value['stringValue'], at('stringValue')))
    const list = objectAt(value['arrayValue'], at('arrayValue'))
    this.#count(list, ARRAY_FIELDS)
    for (const element of arrayAt(list['values'], at('arrayValue.values'))) {
      const one = objectAt(element, at('arrayValue.values'))
      this.#count(one, VALUE_FIELDS)
      if (isGiven(one['stringValue'])) add(stringAt(one['stringValue'], at('arrayValue.values')))
    }
  }

  /** Calls `visit` with each object of a list, while `#at` is its path. */
  #each(list: unknown, name: string, visit: (one: JsonObject) => void): void {
    const outer = this.#at
    const path = outer === '' ? name : `${outer}.${name}`
    arrayAt(list, () => path).forEach((one, index) => {
      this.#at = `${path}[${index}]`
      visit(objectAt(one, () => this.#at))
    })
    this.#at = outer
  }

  #within(name: string, body: () => void): void {
    const outer = this.#at
    this.#at += name
    body()
    this.#at = outer
  }

  #count(object: JsonObject, known: ReadonlySet<string>): void {
    for (const name of Object.keys(object)) if (!known.has(name)) this.#unknownFields++
  }
}

const HEADER_PREFIXES = [REQUEST_HEADER_PREFIX, RESPONSE_HEADER_PREFIX]
const walker = new OtlpJsonWalker()

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}
