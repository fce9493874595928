import { WIRE } from './protobuf-reader.ts'

/**
 * Tags and fields of OTLP's trace messages, from opentelemetry-proto's `trace/v1/trace.proto` and `common/v1/common.proto`.
 */

/** A field's tag: its number and wire type. Those below 16 take one byte. */
function tag(field: number, wireType: number): number {
  return (field << 3) | wireType
}

export const REQUEST_RESOURCE_SPANS = tag(1, WIRE.bytes)

export const RESOURCE_SPANS_RESOURCE = tag(1, WIRE.bytes)
export const RESOURCE_SPANS_SCOPE_SPANS = tag(2, WIRE.bytes)

export const RESOURCE_ATTRIBUTES = tag(1, WIRE.bytes)

export const SCOPE_SPANS_SPANS = tag(2, WIRE.bytes)

export const SPAN_TRACE_ID = tag(1, WIRE.bytes)
export const SPAN_NAME = tag(5, WIRE.bytes)
export const SPAN_KIND = tag(6, WIRE.varint)
export const SPAN_START = tag(7, WIRE.fixed64)
export const SPAN_END = tag(8, WIRE.fixed64)
export const SPAN_ATTRIBUTES = tag(9, WIRE.bytes)
export const SPAN_STATUS = tag(15, WIRE.bytes)

export const STATUS_CODE = tag(3, WIRE.varint)

export const PAIR_KEY = tag(1, WIRE.bytes)
export const PAIR_VALUE = tag(2, WIRE.bytes)

export const VALUE_STRING = tag(1, WIRE.bytes)
export const VALUE_BOOL = tag(2, WIRE.varint)
export const VALUE_INT = tag(3, WIRE.varint)
export const VALUE_DOUBLE = tag(4, WIRE.fixed64)
export const VALUE_ARRAY = tag(5, WIRE.bytes)

export const ARRAY_VALUES = tag(1, WIRE.bytes)

/** Wire type of each message's fields by number, -1 where there is no such field. What is beyond is not known to us. */
export const REQUEST_FIELDS = [-1, 2]
export const RESOURCE_SPANS_FIELDS = [-1, 2, 2, 2]
export const RESOURCE_FIELDS = [-1, 2, 0, 2]
export const SCOPE_SPANS_FIELDS = [-1, 2, 2, 2]
export const SPAN_FIELDS = [-1, 2, 2, 2, 2, 2, 0, 1, 1, 2, 0, 2, 0, 2, 0, 2, 5]
export const STATUS_FIELDS = [-1, -1, 2, 0]
export const PAIR_FIELDS = [-1, 2, 2]
export const VALUE_FIELDS = [-1, 2, 0, 0, 1, 2, 2, 2]
export const ARRAY_FIELDS = [-1, 2]
