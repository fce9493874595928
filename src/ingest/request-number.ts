import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { type BatchNumber, batchNumberOf, NUMBER_HEADERS } from '../event/batch-number.ts'
import { DecodeError } from '../event/decode-error.ts'
import type { Parameter } from '../http/openapi.ts'
import { HttpProblem } from '../http/problem.ts'

/** Bytes of the hash that names the producer of a record: no two are the same by chance. */
const NAME_BYTES = 16

/** The number that a request's headers give to its body, whatever that holds. Throws a problem where they number nothing. */
export function requestNumber(headers: IncomingHttpHeaders): BatchNumber | undefined {
  try {
    return batchNumberOf(
      headerText(headers, NUMBER_HEADERS.producer),
      headerText(headers, NUMBER_HEADERS.sequence),
    )
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new HttpProblem(
      400,
      'BATCH_NUMBER_INVALID',
      error.message,
      { at: error.fault.at },
      { cause: error },
    )
  }
}

/**
 * Numbers one of the records that a numbered body is split into. Each has a producer of its own, made of the body's, so
 * that its partition tells it from the others; the same body sent again gives the same.
 */
export function recordNumber(
  { producer, sequence }: BatchNumber,
  place: {
    /** Of the record. */
    readonly key: string
    /** Which of the body's groups of that key it is of. */
    readonly group: number
    /** Which of its group's parts. */
    readonly part: string
  },
): Record<string, string> {
  const whole = JSON.stringify([producer, place.key, place.group, place.part])
  const name = createHash('sha256').update(whole).digest().subarray(0, NAME_BYTES).toString('base64url')
  return { [NUMBER_HEADERS.producer]: name, [NUMBER_HEADERS.sequence]: String(sequence) }
}

/** What the headers are, for the OpenAPI document. */
export const NUMBER_PARAMETERS: readonly Parameter[] = [
  {
    name: 'Meshtap-Producer',
    in: 'header',
    description:
      'With `Meshtap-Sequence`, numbers a body that has no number of its own, so that it counts once however often it is ' +
      'sent. Unique for one life of the sending process.',
    schema: { type: 'string', minLength: 1, maxLength: 256 },
    example: 'otel-collector-7c8d-5d1f0c66',
  },
  {
    name: 'Meshtap-Sequence',
    in: 'header',
    description: "The body's number, from 1 up. No more than 64 of a producer may be under way at once.",
    schema: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    example: 17,
  },
]

function headerText(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}
