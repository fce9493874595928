import { decodeAccessLogs } from './als-decoder.ts'
import { type Codec, codecOf, CONTENT_TYPES } from './content-type.ts'
import { DecodeError, type DecodeFault } from './decode-error.ts'
import { decodeEventBatch } from './event-batch-decoder.ts'
import type { EventColumns } from './event-columns.ts'
import { decodeJson } from './json-decoder.ts'
import { decodeOtlpTraces } from './otlp-decoder.ts'

export type DecodeResult =
  { readonly kind: 'decoded' } | { readonly kind: 'malformed'; readonly fault: DecodeFault }

const DECODED: DecodeResult = { kind: 'decoded' }

/**
 * Decodes a log record's value by its content type, which may be missing (then it is JSON), into `columns`, replacing
 * what they hold.
 *
 * A record is good as a whole or malformed as a whole: of a malformed one nothing stays in the columns. Never throws.
 */
export function decode(
  contentType: string | undefined,
  bytes: Uint8Array,
  columns: EventColumns,
): DecodeResult {
  return decodeBy(() => {
    const codec = codecOf(contentType)
    if (codec === undefined) throw unknownType(contentType)
    decodeAs(codec, bytes, columns)
  }, columns)
}

/** The same by a decoder that is given, which fills the columns or throws. */
export function decodeBy(decoder: () => void, columns: EventColumns): DecodeResult {
  columns.clear()
  try {
    decoder()
    return DECODED
  } catch (error) {
    columns.clear()
    return { kind: 'malformed', fault: faultOf(error) }
  }
}

function decodeAs(codec: Codec, bytes: Uint8Array, columns: EventColumns): void {
  switch (codec) {
    case 'eventBatch':
      decodeEventBatch(bytes, columns)
      return
    case 'json':
    case 'ndjson':
      decodeJson(bytes, columns)
      return
    case 'otlpTraces':
      decodeOtlpTraces(bytes, columns)
      return
    case 'envoyAccessLogs':
      decodeAccessLogs(bytes, columns)
      return
  }
}

function unknownType(contentType: string | undefined): DecodeError {
  const known = Object.values(CONTENT_TYPES).join(', ')
  const quoted = JSON.stringify(contentType?.slice(0, 200))
  return new DecodeError('content-type', 'content-type', `${quoted} is none of ${known}`)
}

/** What went wrong as a value. A codec throws nothing but DecodeErrors, unless it has a bug or memory has run out. */
function faultOf(error: unknown): DecodeFault {
  if (error instanceof DecodeError) return error.fault
  return { reason: 'internal', at: 'record', message: error instanceof Error ? error.message : String(error) }
}
