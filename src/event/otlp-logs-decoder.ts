import type { EventColumns } from './event-columns.ts'
import { fieldIndices, NUMBER, TEXT } from './otlp-attributes.ts'
import { KIND_CLIENT, KIND_SERVER } from './otlp-conventions.ts'
import { LOG_KEYS } from './otlp-log-conventions.ts'
import { OtlpScanner, traceIdAt } from './otlp-scanner.ts'
import { SpanFields } from './otlp-span-fields.ts'
import { faultAt, WIRE } from './protobuf-reader.ts'

/**
 * Decodes an ExportLogsServiceRequest: appends the requests among its records, which are access logs of HTTP, to `columns`,
 * and counts the others as skipped. A record is one if it has a time, a duration, and a method or a status.
 *
 * Throws a `DecodeError` where the bytes are not such a message; `columns` then hold a part of it and must be cleared.
 */
export function decodeOtlpLogs(bytes: Uint8Array, columns: EventColumns): void {
  // Made when it is first wanted: with one kind of scanner in a process the hot loops are compiled for that alone.
  scanner ??= new LogScanner(new SpanFields(LOG_KEYS, ['durationMillis', 'durationSeconds']))
  scanner.decode(bytes, columns)
}

let scanner: LogScanner | undefined

const LOG = fieldIndices(LOG_KEYS)

const RECORD_TIME = (1 << 3) | WIRE.fixed64
const RECORD_OBSERVED_TIME = (11 << 3) | WIRE.fixed64
const RECORD_ATTRIBUTES = (6 << 3) | WIRE.bytes
const RECORD_TRACE_ID = (9 << 3) | WIRE.bytes
const RECORD_FIELDS = [-1, 1, 0, 2, -1, 2, 2, 0, 5, 2, 2, 1, 2]

/** Digits with at most one point among them, and no sign. */
const DECIMAL = /^\d{1,15}(?:\.\d{0,15})?$/

class LogScanner extends OtlpScanner {
  readonly #decoder = new TextDecoder()

  protected item(start: number, end: number): void {
    const { fields } = this
    fields.clear()
    let time = 0n
    let observed = 0n
    for (let pos = start; pos < end;) {
      const tag = this.tag(pos, end)
      pos = this.pos
      switch (tag) {
        case RECORD_TIME:
        case RECORD_OBSERVED_TIME: {
          this.need(8, pos, end)
          const nanos = this.view.getBigUint64(pos, true)
          if (tag === RECORD_TIME) time = nanos
          else observed = nanos
          pos += 8
          break
        }
        case RECORD_ATTRIBUTES: {
          const to = this.lengthEnd(pos, end)
          this.attribute(this.bytes, fields.attributes, this.pos, to)
          pos = to
          break
        }
        case RECORD_TRACE_ID: {
          const to = this.lengthEnd(pos, end)
          fields.traceAt = traceIdAt(this.pos, to)
          pos = to
          break
        }
        default:
          pos = this.skip(tag, end, RECORD_FIELDS)
      }
    }
    const fault = this.#request(time === 0n ? observed : time) ? this.mapping.span() : 'none'
    if (fault === 'too-many')
      throw faultAt(fault, start, 'more records of requests than one message may have')
    if (fault !== undefined) this.skipped++
  }

  /** Makes the fields those of a span that ended at a time; false where the record is no access log. */
  #request(end: bigint): boolean {
    const { fields } = this
    const { attributes } = fields
    const micros = this.#durationMicros()
    const isAccess = attributes.kind(LOG.method) === TEXT || this.#number(LOG.status) > 0
    if (!isAccess || micros === undefined) return false
    const start = end - BigInt(micros) * 1000n
    if (start <= 0n) return false
    fields.endHigh = Number(end >> 32n)
    fields.endLow = Number(end & 0xffffffffn)
    fields.startHigh = Number(start >> 32n)
    fields.startLow = Number(start & 0xffffffffn)
    fields.kind = /^(outbound|transmit|egress)$/i.test(this.#text(LOG.direction)) ? KIND_CLIENT : KIND_SERVER
    return true
  }

  #durationMicros(): number | undefined {
    const millis = this.#number(LOG.durationMillis)
    const micros = millis >= 0 ? millis * 1000 : this.#number(LOG.durationSeconds) * 1_000_000
    return micros >= 0 ? Math.round(micros) : undefined
  }

  /** A field's number, given as one or as a decimal fraction's text; -1 where it has none. */
  #number(field: number): number {
    const { attributes } = this.fields
    if (attributes.kind(field) === NUMBER) return attributes.numbers[field]!
    const text = this.#text(field)
    return DECIMAL.test(text) ? Number(text) : -1
  }

  #text(field: number): string {
    const { attributes } = this.fields
    if (attributes.kind(field) !== TEXT) return ''
    const start = attributes.starts[field]!
    // Nothing longer than a number or a word is looked for.
    return this.#decoder.decode(this.bytes.subarray(start, Math.min(attributes.ends[field]!, start + 40)))
  }
}
