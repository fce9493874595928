import type { Dictionary } from './dictionary.ts'
import { MAX_STATUS } from './limits.ts'
import { presenceMask } from './otlp-attributes.ts'
import { isText } from './otlp-bytes.ts'
import { GRPC_STATUS_NAMES } from './otlp-conventions.ts'
import { SPAN } from './otlp-span-fields.ts'
import type { SpanTexts } from './otlp-span-texts.ts'

const encoder = new TextEncoder()
const GRPC_NAMES = GRPC_STATUS_NAMES.map((name) => encoder.encode(name))
const DASH = 0x2d

/** Presence bits of all that says more of an outcome than a status does. */
const DETAILS = presenceMask(SPAN.grpcStatus, SPAN.responseFlags, SPAN.errorType, SPAN.error)

/** Reads how requests ended. Those of one message mostly end the same way, so the last outcome is kept with its status. */
export class Outcomes {
  readonly #texts: SpanTexts
  #last = -1
  #lastStatus = 0
  #lastReset = false

  constructor(texts: SpanTexts) {
    this.#texts = texts
  }

  /** Begins a message: what is kept is of another dictionary. */
  begin(): void {
    this.#last = -1
  }

  /** Outcome id of the span in the fields. */
  read(dictionary: Dictionary): number {
    const texts = this.#texts
    // Envoy writes status 0 where the client went before a response came.
    const status = upTo(MAX_STATUS, texts.number(SPAN.status)) || -1
    const hasDetails = (texts.attributes.common & DETAILS) !== 0
    if (!hasDetails) return this.#bare(dictionary, status, texts.fields.failed && status < 0)
    const grpcStatus = grpcStatusOf(texts)
    const failed = texts.fields.failed || texts.flag(SPAN.error)
    // The call failed, and no answer says how: there was none.
    const reset = failed && status < 0 && grpcStatus < 0
    return dictionary.outcome(status, grpcStatus, reset, reasonOf(texts))
  }

  #bare(dictionary: Dictionary, status: number, reset: boolean): number {
    if (this.#last < 0 || status !== this.#lastStatus || reset !== this.#lastReset) {
      this.#last = dictionary.outcome(status, -1, reset, 0)
      this.#lastStatus = status
      this.#lastReset = reset
    }
    return this.#last
  }
}

function grpcStatusOf(texts: SpanTexts): number {
  const number = texts.number(SPAN.grpcStatus)
  if (number >= 0 || !texts.isText(SPAN.grpcStatus)) return upTo(MAX_STATUS, number)
  const start = texts.starts[SPAN.grpcStatus]!
  const end = texts.ends[SPAN.grpcStatus]!
  for (let status = 0; status < GRPC_NAMES.length; status++) {
    if (isText(texts.bytes, start, end, GRPC_NAMES[status]!)) return status
  }
  return -1
}

/** Symbol of Envoy's response flags, or of the type of error. */
function reasonOf(texts: SpanTexts): number {
  if (!texts.hasText(SPAN.responseFlags)) return texts.symbol(SPAN.errorType)
  const start = texts.starts[SPAN.responseFlags]!
  const isNone = texts.ends[SPAN.responseFlags] === start + 1 && texts.bytes[start] === DASH
  return texts.symbol(isNone ? SPAN.errorType : SPAN.responseFlags)
}

/** A number that is at most `most`, -1 for any other: an attribute that cannot be right counts as not given. */
function upTo(most: number, value: number): number {
  return value <= most ? value : -1
}
