import protobuf from 'protobufjs'

/**
 * OTLP's trace messages as protobufjs knows them: an encoder and decoder that others wrote, to hold ours beside.
 * Field numbers as in opentelemetry-proto 1.7; messages that no span needs are left out.
 */
const SCHEMA = `
  syntax = "proto3";
  message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; string schema_url = 3; }
  message Resource { repeated KeyValue attributes = 1; uint32 dropped_attributes_count = 2; }
  message ScopeSpans { Scope scope = 1; repeated Span spans = 2; string schema_url = 3; }
  message Scope { string name = 1; string version = 2; }
  message Span {
    bytes trace_id = 1;
    bytes span_id = 2;
    string trace_state = 3;
    bytes parent_span_id = 4;
    string name = 5;
    enum SpanKind {
      SPAN_KIND_UNSPECIFIED = 0; SPAN_KIND_INTERNAL = 1; SPAN_KIND_SERVER = 2;
      SPAN_KIND_CLIENT = 3; SPAN_KIND_PRODUCER = 4; SPAN_KIND_CONSUMER = 5;
    }
    SpanKind kind = 6;
    fixed64 start_time_unix_nano = 7;
    fixed64 end_time_unix_nano = 8;
    repeated KeyValue attributes = 9;
    uint32 dropped_attributes_count = 10;
    repeated Event events = 11;
    uint32 dropped_events_count = 12;
    repeated Link links = 13;
    uint32 dropped_links_count = 14;
    Status status = 15;
    fixed32 flags = 16;
    message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
    message Link { bytes trace_id = 1; bytes span_id = 2; }
  }
  message Status {
    enum StatusCode { STATUS_CODE_UNSET = 0; STATUS_CODE_OK = 1; STATUS_CODE_ERROR = 2; }
    string message = 2;
    StatusCode code = 3;
  }
  message KeyValue { string key = 1; AnyValue value = 2; }
  message AnyValue {
    oneof value {
      string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
      ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7;
    }
  }
  message ArrayValue { repeated AnyValue values = 1; }
  message KeyValueList { repeated KeyValue values = 1; }
`

const request = protobuf.parse(SCHEMA).root.lookupType('ExportTraceServiceRequest')

/** A value as OTLP/JSON writes it. */
export type AnyValue =
  | { readonly stringValue: string }
  | { readonly boolValue: boolean }
  | { readonly intValue: string | number }
  | { readonly doubleValue: number }
  | { readonly arrayValue: { readonly values: readonly AnyValue[] } }
  | { readonly kvlistValue: { readonly values: readonly KeyValue[] } }
  | { readonly bytesValue: string }

export interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

export interface JsonSpan {
  readonly traceId?: string
  readonly spanId?: string
  readonly parentSpanId?: string
  readonly name?: string
  readonly kind?: number | string
  readonly startTimeUnixNano?: string | number
  readonly endTimeUnixNano?: string | number
  readonly attributes?: readonly KeyValue[]
  readonly status?: { readonly code?: number | string; readonly message?: string }
  readonly flags?: number
  readonly events?: readonly unknown[]
  readonly links?: readonly unknown[]
}

export interface JsonRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] }
    readonly scopeSpans: readonly { readonly scope?: unknown; readonly spans: readonly JsonSpan[] }[]
  }[]
}

/** Attributes of plain values: whole numbers become ints, other numbers doubles, lists arrays. */
export function attributesOf(values: Readonly<Record<string, unknown>>): KeyValue[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValueOf(value) }))
}

function anyValueOf(value: unknown): AnyValue {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValueOf) } }
  throw new TypeError(`no AnyValue for ${typeof value}`)
}

/** The protobuf message of one in OTLP/JSON, whose ids are hexadecimal rather than base64. */
export function toProtobuf(json: JsonRequest): Uint8Array {
  const object = structuredClone(json) as unknown as MutableRequest
  eachSpan(object, (span) => {
    for (const id of ID_FIELDS) {
      if (span[id] !== undefined) span[id] = Buffer.from(span[id] as string, 'hex')
    }
  })
  // A copy, as protobufjs gives a part of a Buffer that it shares.
  return new Uint8Array(request.encode(request.fromObject(object)).finish())
}

/** The OTLP/JSON of a protobuf message. */
export function toJson(bytes: Uint8Array): JsonRequest {
  const object = request.toObject(request.decode(bytes), { longs: String, enums: Number, bytes: String })
  eachSpan(object, (span) => {
    for (const id of ID_FIELDS) {
      if (span[id] !== undefined) span[id] = Buffer.from(span[id] as string, 'base64').toString('hex')
    }
  })
  return object as JsonRequest
}

const ID_FIELDS = ['traceId', 'spanId', 'parentSpanId'] as const

type MutableSpan = Record<string, unknown>
interface MutableRequest {
  resourceSpans?: { scopeSpans?: { spans?: MutableSpan[] }[] }[]
}

function eachSpan(object: MutableRequest, visit: (span: MutableSpan) => void): void {
  for (const { scopeSpans } of object.resourceSpans ?? []) {
    for (const { spans } of scopeSpans ?? []) spans?.forEach(visit)
  }
}
