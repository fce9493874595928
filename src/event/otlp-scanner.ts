import { type EventColumns, TRACE_BYTES } from './event-columns.ts'
import { type AttributeValues, FLAG, NUMBER } from './otlp-attributes.ts'
import { OtlpMapping } from './otlp-mapping.ts'
import { headerPrefix, headerSide, resourceAttributes, type SpanFields } from './otlp-span-fields.ts'
import {
  ARRAY_FIELDS,
  ARRAY_VALUES,
  PAIR_FIELDS,
  PAIR_KEY,
  PAIR_VALUE,
  REQUEST_FIELDS,
  REQUEST_RESOURCE_SPANS,
  RESOURCE_ATTRIBUTES,
  RESOURCE_FIELDS,
  RESOURCE_SPANS_FIELDS,
  RESOURCE_SPANS_RESOURCE,
  RESOURCE_SPANS_SCOPE_SPANS,
  SCOPE_SPANS_FIELDS,
  SCOPE_SPANS_SPANS,
  VALUE_ARRAY,
  VALUE_BOOL,
  VALUE_DOUBLE,
  VALUE_FIELDS,
  VALUE_INT,
  VALUE_STRING,
} from './otlp-wire.ts'
import { faultAt } from './protobuf-reader.ts'
import { WireScanner } from './wire-scanner.ts'

/**
 * Scans an export's bytes, of traces or of logs, which differ in their items only: no object and no string is made a span. Whatever is not needed is skipped by its length.
 *
 * The two loops that run once a field and once an attribute read the usual, tags and lengths of one byte, themselves.
 */
export abstract class OtlpScanner extends WireScanner {
  protected readonly fields: SpanFields
  protected readonly mapping: OtlpMapping
  /** Items that are no request. */
  protected skipped = 0
  readonly #resource = resourceAttributes()

  constructor(fields: SpanFields) {
    super()
    this.fields = fields
    this.mapping = new OtlpMapping(fields)
  }

  /** Reads the span, or the record of a log, in bytes `[start, end)`. */
  protected abstract item(start: number, end: number): void

  decode(bytes: Uint8Array, columns: EventColumns): void {
    this.hold(bytes)
    this.skipped = 0
    this.mapping.begin(this.bytes, columns)
    try {
      this.#request(bytes.length)
      columns.unknownFields += this.unknownFields
      columns.skipped += this.skipped
    } finally {
      this.mapping.end()
      this.release()
    }
  }

  #request(end: number): void {
    let pos = 0
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag === REQUEST_RESOURCE_SPANS) {
        const to = this.lengthEnd(this.pos, end)
        this.#resourceSpans(this.pos, to)
        pos = to
      } else {
        pos = this.skip(tag, end, REQUEST_FIELDS)
      }
    }
  }

  #resourceSpans(start: number, end: number): void {
    // The resource first: it may come after its spans.
    let resources = 0
    let resourceStart = 0
    let resourceEnd = 0
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === RESOURCE_SPANS_RESOURCE) {
        resourceEnd = this.lengthEnd(this.pos, end)
        resourceStart = this.pos
        resources++
        pos = resourceEnd
      } else if (tag === RESOURCE_SPANS_SCOPE_SPANS) {
        pos = this.lengthEnd(this.pos, end)
      } else {
        pos = this.skip(tag, end, RESOURCE_SPANS_FIELDS)
      }
    }
    if (resources !== 1) this.#readResources(start, end)
    else if (!this.mapping.recallResource(resourceStart, resourceEnd)) {
      this.#readResources(start, end)
      this.mapping.rememberResource(resourceStart, resourceEnd)
    }
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === RESOURCE_SPANS_SCOPE_SPANS) {
        const to = this.lengthEnd(this.pos, end)
        this.#scopeSpans(this.pos, to)
        pos = to
      } else {
        pos = this.skipValue(tag, end)
      }
    }
  }

  /** Reads all resources of a ResourceSpans as one: there should be one, but protobuf merges several. */
  #readResources(start: number, end: number): void {
    const unknownFields = this.unknownFields
    this.#resource.clear()
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      if (tag === RESOURCE_SPANS_RESOURCE) {
        const to = this.lengthEnd(this.pos, end)
        this.#readResource(this.pos, to)
        pos = to
      } else {
        pos = this.skipValue(tag, end)
      }
    }
    this.mapping.resource(this.#resource, this.unknownFields - unknownFields)
    this.unknownFields = unknownFields
  }

  #readResource(start: number, end: number): void {
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag === RESOURCE_ATTRIBUTES) {
        const to = this.lengthEnd(this.pos, end)
        this.attribute(this.bytes, this.#resource, this.pos, to)
        pos = to
      } else {
        pos = this.skip(tag, end, RESOURCE_FIELDS)
      }
    }
  }

  #scopeSpans(start: number, end: number): void {
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag === SCOPE_SPANS_SPANS) {
        const to = this.lengthEnd(this.pos, end)
        this.item(this.pos, to)
        pos = to
      } else {
        pos = this.skip(tag, end, SCOPE_SPANS_FIELDS)
      }
    }
  }

  /** Reads a pair of key and value into `attributes`, or as a header, if it is one of those that matter. */
  protected attribute(bytes: Uint8Array, attributes: AttributeValues, start: number, end: number): void {
    // As everyone writes it: the key, then the value, each with a length of one byte.
    const keyStart = start + 2
    const keyEnd = keyStart < end ? keyStart + bytes[start + 1]! : end
    const valueStart = keyEnd + 2
    if (
      valueStart > end ||
      bytes[start] !== PAIR_KEY ||
      bytes[start + 1]! >= 0x80 ||
      bytes[keyEnd] !== PAIR_VALUE ||
      bytes[keyEnd + 1] !== end - valueStart ||
      bytes[keyEnd + 1]! >= 0x80
    ) {
      this.#looseAttribute(attributes, start, end)
      return
    }
    const key = attributes.find(this.view, keyStart, keyEnd)
    // Most values are a string with a length of one byte.
    if (key < 0) this.#unknownKey(attributes, keyStart, keyEnd, valueStart, end)
    else if (
      valueStart + 1 < end &&
      bytes[valueStart] === VALUE_STRING &&
      bytes[valueStart + 1] === end - valueStart - 2 &&
      bytes[valueStart + 1]! < 0x80
    )
      attributes.setText(key, valueStart + 2, end)
    else if (bytes[valueStart] === VALUE_INT && end - valueStart <= 4)
      this.#shortInt(bytes, attributes, key, valueStart, end)
    else this.#value(attributes, key, valueStart, end)
  }

  /** Reads an AnyValue of four bytes at most that begins as a whole number: most are one, and nothing else. */
  #shortInt(bytes: Uint8Array, attributes: AttributeValues, key: number, start: number, end: number): void {
    let value = 0
    let shift = 0
    for (let i = start + 1; i < end; i++) {
      const byte = bytes[i]!
      value |= (byte & 0x7f) << shift
      shift += 7
      if (byte < 0x80) {
        if (i + 1 < end) break
        attributes.setInt(key, value)
        return
      }
    }
    this.#value(attributes, key, start, end)
  }

  /** The same for a pair that may have its parts in any order, or lack one. */
  #looseAttribute(attributes: AttributeValues, start: number, end: number): void {
    let keyStart = start
    let keyEnd = start
    let valueStart = end
    let valueEnd = end
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag === PAIR_KEY) {
        keyEnd = this.lengthEnd(this.pos, end)
        keyStart = this.pos
        pos = keyEnd
      } else if (tag === PAIR_VALUE) {
        valueEnd = this.lengthEnd(this.pos, end)
        valueStart = this.pos
        pos = valueEnd
      } else {
        pos = this.skip(tag, end, PAIR_FIELDS)
      }
    }
    const key = attributes.find(this.view, keyStart, keyEnd)
    if (key < 0) this.#unknownKey(attributes, keyStart, keyEnd, valueStart, valueEnd)
    else this.#value(attributes, key, valueStart, valueEnd)
  }

  /** Counts an attribute that does not matter, or reads the header that it is. */
  #unknownKey(
    attributes: AttributeValues,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
  ): void {
    const isSpan = attributes === this.fields.attributes
    const prefix = isSpan ? headerPrefix(this.bytes, keyStart, keyEnd) : 0
    if (prefix === 0) this.unknownFields++
    else this.#headerValues(headerSide(prefix), keyStart + prefix, keyEnd, valueStart, valueEnd)
  }

  /** Reads an AnyValue into the field of `key`. */
  #value(attributes: AttributeValues, key: number, start: number, end: number): void {
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      pos = this.pos
      switch (tag) {
        case VALUE_STRING: {
          const to = this.lengthEnd(pos, end)
          attributes.setText(key, this.pos, to)
          pos = to
          break
        }
        case VALUE_INT:
          attributes.setNumber(key, NUMBER, this.int(pos, end))
          pos = this.pos
          break
        case VALUE_BOOL:
          attributes.setNumber(key, FLAG, this.int(pos, end) === 0 ? 0 : 1)
          pos = this.pos
          break
        case VALUE_DOUBLE:
          this.need(8, pos, end)
          attributes.setNumber(key, NUMBER, this.view.getFloat64(pos, true))
          pos += 8
          break
        default:
          pos = this.skip(tag, end, VALUE_FIELDS)
      }
    }
  }

  /** Reads the strings of an AnyValue, one or a list of them, as values of a header. */
  #headerValues(side: number, nameStart: number, nameEnd: number, start: number, end: number): void {
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag === VALUE_STRING) {
        const to = this.lengthEnd(this.pos, end)
        this.fields.headers.add(side, nameStart, nameEnd, this.pos, to)
        pos = to
      } else if (tag === VALUE_ARRAY) {
        const to = this.lengthEnd(this.pos, end)
        this.#headerList(side, nameStart, nameEnd, this.pos, to)
        pos = to
      } else {
        pos = this.skip(tag, end, VALUE_FIELDS)
      }
    }
  }

  #headerList(side: number, nameStart: number, nameEnd: number, start: number, end: number): void {
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag !== ARRAY_VALUES) {
        pos = this.skip(tag, end, ARRAY_FIELDS)
        continue
      }
      const to = this.lengthEnd(this.pos, end)
      for (let at = this.pos; at < to;) {
        const tag = this.tag(at, to)
        if (tag === VALUE_STRING) {
          const valueEnd = this.lengthEnd(this.pos, to)
          this.fields.headers.add(side, nameStart, nameEnd, this.pos, valueEnd)
          at = valueEnd
        } else {
          at = this.skip(tag, to, VALUE_FIELDS)
        }
      }
      pos = to
    }
  }
}

/** Where the trace id in `[start, end)` is, -1 where it is empty. */
export function traceIdAt(start: number, end: number): number {
  if (end === start) return -1
  if (end - start === TRACE_BYTES) return start
  throw faultAt('trace-id', start, `a trace id has ${TRACE_BYTES} bytes, this one has ${end - start}`)
}
