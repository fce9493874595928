import { quoted, RequestError } from '../event/request-error.ts'
import { MAX_LATENCY_MICROS } from '../event/limits.ts'

const MICROS_OF_UNIT: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  μs: 1,
  ms: 1000,
  s: 1_000_000,
  m: 60_000_000,
}

/** Parses a latency such as `100ms`, `1.5s`, `250us`; a bare number is milliseconds. Throws a `RequestError` for `parameter`. */
export function parseLatency(parameter: string, text: string): number {
  const found = /^(\d{1,15}(?:\.\d{1,9})?)(us|µs|μs|ms|s|m)?$/.exec(text)
  if (found === null) {
    throw new RequestError(
      parameter,
      `${quoted(text)} is no latency; it is a number and one of the units us, ms, s, m, for example 100ms`,
    )
  }
  const micros = Math.round(Number(found[1]) * MICROS_OF_UNIT[found[2] ?? 'ms']!)
  if (micros > MAX_LATENCY_MICROS) {
    throw new RequestError(parameter, `${quoted(text)} is too long; at most ${MAX_LATENCY_MICROS}us is taken`)
  }
  return micros
}
