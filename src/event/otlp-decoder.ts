import type { EventColumns } from './event-columns.ts'
import { STATUS_ERROR } from './otlp-conventions.ts'
import { isRequestKind, SPAN_FAULT_MESSAGES } from './otlp-mapping.ts'
import { OtlpScanner, traceIdAt } from './otlp-scanner.ts'
import { SpanFields } from './otlp-span-fields.ts'
import {
  SPAN_ATTRIBUTES,
  SPAN_END,
  SPAN_FIELDS,
  SPAN_KIND,
  SPAN_NAME,
  SPAN_START,
  SPAN_STATUS,
  SPAN_TRACE_ID,
  STATUS_CODE,
  STATUS_FIELDS,
} from './otlp-wire.ts'
import { faultAt, WIRE } from './protobuf-reader.ts'

/**
 * Decodes an ExportTraceServiceRequest: appends the requests among its spans to `columns`.
 *
 * Throws a `DecodeError` where the bytes are not such a message or a request's span has impossible times; `columns`
 * then hold a part of the message and must be cleared.
 */
export function decodeOtlpTraces(bytes: Uint8Array, columns: EventColumns): void {
  scanner.decode(bytes, columns)
}

class SpanScanner extends OtlpScanner {
  protected item(start: number, end: number): void {
    const bytes = this.bytes
    const fields = this.fields
    fields.clear()
    let pos = start
    while (pos < end) {
      let tag = bytes[pos]!
      if (tag < 0x80) {
        pos++
      } else {
        tag = this.tag(pos, end)
        pos = this.pos
      }
      if ((tag & 7) === WIRE.bytes) {
        let to = pos < end ? pos + 1 + bytes[pos]! : end + 1
        if (to <= end && bytes[pos]! < 0x80) {
          pos++
        } else {
          to = this.lengthEnd(pos, end)
          pos = this.pos
        }
        switch (tag) {
          case SPAN_ATTRIBUTES:
            this.attribute(bytes, fields.attributes, pos, to)
            break
          case SPAN_TRACE_ID:
            fields.traceAt = traceIdAt(pos, to)
            break
          case SPAN_NAME:
            fields.nameStart = pos
            fields.nameEnd = to
            break
          case SPAN_STATUS:
            this.#status(pos, to)
            break
          default:
            this.check(tag, pos, SPAN_FIELDS)
        }
        pos = to
        continue
      }
      switch (tag) {
        case SPAN_KIND:
          fields.kind = this.int(pos, end)
          // Kind comes before the attributes, so that most of a span that is no request is never looked at.
          if (!isRequestKind(fields.kind)) {
            this.skipped++
            return
          }
          pos = this.pos
          break
        case SPAN_START:
          this.need(8, pos, end)
          fields.startLow = this.view.getUint32(pos, true)
          fields.startHigh = this.view.getUint32(pos + 4, true)
          pos += 8
          break
        case SPAN_END:
          this.need(8, pos, end)
          fields.endLow = this.view.getUint32(pos, true)
          fields.endHigh = this.view.getUint32(pos + 4, true)
          pos += 8
          break
        default:
          this.pos = pos
          pos = this.skip(tag, end, SPAN_FIELDS)
      }
    }
    const fault = this.mapping.span()
    if (fault !== undefined) throw faultAt(fault, start, SPAN_FAULT_MESSAGES[fault])
  }

  #status(start: number, end: number): void {
    let pos = start
    while (pos < end) {
      const tag = this.tag(pos, end)
      if (tag === STATUS_CODE) {
        this.fields.failed = this.int(this.pos, end) === STATUS_ERROR
        pos = this.pos
      } else {
        pos = this.skip(tag, end, STATUS_FIELDS)
      }
    }
  }
}

const scanner = new SpanScanner(new SpanFields())
