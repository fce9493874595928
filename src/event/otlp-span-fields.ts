import { AttributeValues, fieldIndices } from './otlp-attributes.ts'
import { hasPrefix } from './otlp-bytes.ts'
import {
  REQUEST_HEADER_PREFIX,
  RESOURCE_KEYS,
  RESPONSE_HEADER_PREFIX,
  SPAN_KEYS,
} from './otlp-conventions.ts'
import { HeaderRanges, REQUEST_SIDE, RESPONSE_SIDE } from './header-ranges.ts'

/** Indices of the fields of a resource's and of a span's attributes. */
export const RESOURCE = fieldIndices(RESOURCE_KEYS)
export const SPAN = fieldIndices(SPAN_KEYS)

const encoder = new TextEncoder()
const REQUEST_PREFIX = encoder.encode(REQUEST_HEADER_PREFIX)
const RESPONSE_PREFIX = encoder.encode(RESPONSE_HEADER_PREFIX)

export function resourceAttributes(): AttributeValues {
  return new AttributeValues(RESOURCE_KEYS)
}

/**
 * What is read of one span before it becomes an event: places in the message's bytes and a few numbers, the same
 * for protobuf and JSON. One instance is filled again and again.
 */
export class SpanFields {
  readonly attributes: AttributeValues
  kind = 0
  /** Whether the span is a request that the resource's workload made, rather than one that it served. */
  outbound = false
  /** Whether Envoy made the span. */
  fromEnvoy = false
  /** Whether the span's status is ERROR. */
  failed = false
  nameStart = 0
  nameEnd = 0
  /** Where the 16 bytes of the trace id start, -1 where there is none. */
  traceAt = -1
  /** Nanoseconds since the epoch as two halves of 32 bits, unsigned. */
  startHigh = 0
  startLow = 0
  endHigh = 0
  endLow = 0
  readonly headers = new HeaderRanges()

  /** `keys` are at least those of spans, in their order. */
  constructor(
    keys: Readonly<Record<string, readonly string[]>> = SPAN_KEYS,
    fractional: readonly string[] = [],
  ) {
    this.attributes = new AttributeValues(keys, fractional)
  }

  clear(): void {
    this.attributes.clear()
    this.kind = 0
    this.outbound = false
    this.fromEnvoy = false
    this.failed = false
    this.nameStart = 0
    this.nameEnd = 0
    this.traceAt = -1
    this.startHigh = 0
    this.startLow = 0
    this.endHigh = 0
    this.endLow = 0
    this.headers.count = 0
  }
}

/** Length of the prefix that makes the key in `bytes[start, end)` a header's, 0 where it has none. */
export function headerPrefix(bytes: Uint8Array, start: number, end: number): number {
  // Most keys are not, and differ at once.
  if (bytes[start] !== REQUEST_PREFIX[0]) return 0
  // One byte less: a header has a name.
  if (hasPrefix(bytes, start, end - 1, REQUEST_PREFIX)) return REQUEST_PREFIX.length
  if (hasPrefix(bytes, start, end - 1, RESPONSE_PREFIX)) return RESPONSE_PREFIX.length
  return 0
}

export function headerSide(prefix: number): number {
  return prefix === RESPONSE_PREFIX.length ? RESPONSE_SIDE : REQUEST_SIDE
}
