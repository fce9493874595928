import { CONTENT_TYPES } from '../event/content-type.ts'
import { decode, type DecodeResult } from '../event/decode.ts'
import { DecodeError } from '../event/decode-error.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { decodeOtlpTracesJson } from '../event/otlp-json-decoder.ts'
import { decodeOtlpLogs } from '../event/otlp-logs-decoder.ts'

/** How a body is encoded: as log records are, in OTLP/JSON, which only HTTP has, or as OTLP logs, which only gRPC has. */
export type BodyCodec =
  'eventBatch' | 'json' | 'ndjson' | 'otlpTraces' | 'otlpTracesJson' | 'otlpLogs' | 'envoyAccessLogs'

/** Decodes a body into columns, replacing what they hold; of a malformed one nothing stays. */
export function decodeBody(codec: BodyCodec, bytes: Uint8Array, columns: EventColumns): DecodeResult {
  if (codec === 'otlpTracesJson') return decodeWith(decodeOtlpTracesJson, bytes, columns)
  if (codec === 'otlpLogs') return decodeWith(decodeOtlpLogs, bytes, columns)
  return decode(CONTENT_TYPES[codec], bytes, columns)
}

function decodeWith(
  codec: (bytes: Uint8Array, columns: EventColumns) => void,
  bytes: Uint8Array,
  columns: EventColumns,
): DecodeResult {
  columns.clear()
  try {
    codec(bytes, columns)
    return { kind: 'decoded' }
  } catch (error) {
    columns.clear()
    if (error instanceof DecodeError) return { kind: 'malformed', fault: error.fault }
    throw error
  }
}
