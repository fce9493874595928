import { DecodeError } from './decode-error.ts'
import { MAX_PRODUCER_BYTES } from './limits.ts'

/**
 * Headers that number a log record, or a body over HTTP, whatever its content type: for values that have no number of
 * their own, as JSON and OTLP.
 */
export const NUMBER_HEADERS = { producer: 'meshtap-producer', sequence: 'meshtap-sequence' } as const

/** What a producer calls a batch, so that it counts once however often it is sent. */
export interface BatchNumber {
  /** Unique for one life of the producing process. */
  readonly producer: string
  /** From 1 up. */
  readonly sequence: number
}

const SEQUENCE = /^[1-9][0-9]{0,15}$/

/** Reads the two headers; undefined where there is neither. Throws a DecodeError where they number nothing. */
export function batchNumberOf(
  producer: string | undefined,
  sequence: string | undefined,
): BatchNumber | undefined {
  if (producer === undefined && sequence === undefined) return undefined
  if (producer === undefined) throw alone(NUMBER_HEADERS.sequence, NUMBER_HEADERS.producer)
  if (sequence === undefined) throw alone(NUMBER_HEADERS.producer, NUMBER_HEADERS.sequence)
  // A character is at most three bytes for each unit of its text.
  if (producer === '' || (producer.length * 3 > MAX_PRODUCER_BYTES && isTooLong(producer))) {
    const message = `must have 1 to ${MAX_PRODUCER_BYTES} bytes, not ${utf8.encode(producer).length}`
    throw new DecodeError('number', NUMBER_HEADERS.producer, message)
  }
  const number = Number(sequence)
  if (!SEQUENCE.test(sequence) || !Number.isSafeInteger(number)) {
    const message = `must be a whole number from 1 to 2^53 - 1, got ${JSON.stringify(sequence.slice(0, 40))}`
    throw new DecodeError('number', NUMBER_HEADERS.sequence, message)
  }
  return { producer, sequence: number }
}

const utf8 = new TextEncoder()

function isTooLong(producer: string): boolean {
  return utf8.encode(producer).length > MAX_PRODUCER_BYTES
}

function alone(given: string, missing: string): DecodeError {
  return new DecodeError('number', given, `numbers nothing without ${missing}: give both headers or neither`)
}
