import { TRACE_BYTES } from './event-columns.ts'

const DASH = 0x2d

/**
 * Reads the trace id of a `traceparent` (`00-<32 digits>-…`) into `trace`. False where it has none, as when it is all
 * zeros; `trace` then means nothing.
 */
export function readTraceparent(bytes: Uint8Array, start: number, end: number, trace: Uint8Array): boolean {
  if (end - start < 36 || bytes[start + 2] !== DASH || bytes[start + 35] !== DASH) return false
  return readDigits(bytes, start + 3, start + 35, trace)
}

/** The same of a B3 trace id, of 16 or 32 digits; of a `b3` in one header, up to its first dash. */
export function readB3(bytes: Uint8Array, start: number, end: number, trace: Uint8Array): boolean {
  const dash = bytes.indexOf(DASH, start)
  const to = dash < 0 || dash > end ? end : dash
  return to - start === 32 || to - start === 16 ? readDigits(bytes, start, to, trace) : false
}

/** Reads hexadecimal digits, fewer than 32 as those of a number's lower end. */
function readDigits(bytes: Uint8Array, start: number, end: number, trace: Uint8Array): boolean {
  trace.fill(0)
  let isThere = false
  for (let at = end, i = TRACE_BYTES - 1; at > start; at -= 2, i--) {
    const high = digitOf(bytes[at - 2]!)
    const low = digitOf(bytes[at - 1]!)
    if (high < 0 || low < 0) return false
    const byte = (high << 4) | low
    trace[i] = byte
    isThere ||= byte !== 0
  }
  return isThere
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1
}
