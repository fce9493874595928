/** Linkerd's number formats, and Go's rules behind them. */

/** What stands for a value that is not known. */
export const MISSING = '-'

/**
 * A number with a fixed count of decimals, as Go's `%.Nf` prints it: exact ties go to the even digit (`toFixed` rounds
 * them up).
 */
export function fixed(value: number, digits: number): string {
  // A tie is an odd multiple of 10^-digits / 2; in binary it can only be one of 2^-(digits + 1).
  const scaled = value * 2 ** (digits + 1)
  if (!Number.isInteger(scaled) || scaled % 2 === 0) return value.toFixed(digits)
  const below = Math.floor(value * 10 ** digits)
  return ((below % 2 === 0 ? below : below + 1) / 10 ** digits).toFixed(digits)
}

/** A share from 0 to 1 as `98.21%`. */
export function percent(share: number | null): string {
  return share === null ? MISSING : `${fixed(share * 100, 2)}%`
}

export function perSecond(rate: number | null): string {
  return rate === null ? MISSING : `${fixed(rate, 1)}rps`
}

/** Whole milliseconds, halves away from zero. Linkerd prints `0ms` for what is not zero; here it is `<1ms`. */
export function wholeMs(ms: number | null): string {
  if (ms === null) return MISSING
  const rounded = Math.round(ms)
  return rounded === 0 && ms > 0 ? '<1ms' : `${rounded}ms`
}

/** Milliseconds with one decimal. */
export function tenthsOfMs(ms: number | null): string {
  if (ms === null) return MISSING
  const text = fixed(ms, 1)
  return text === '0.0' && ms > 0 ? '<0.1ms' : `${text}ms`
}

export function bytesPerSecond(rate: number | null): string {
  return rate === null ? MISSING : `${fixed(rate, 1)}B/s`
}

export function count(value: number | null): string {
  return value === null ? MISSING : String(value)
}

/**
 * A duration as Linkerd's `top` prints it: Go's text, rounded to microseconds below 1 ms, to milliseconds below 1 s and
 * to seconds above: `413µs`, `17ms`, `2s`, `1m5s`.
 */
export function goDuration(ms: number | null): string {
  if (ms === null) return MISSING
  if (ms < 1) {
    const micros = Math.round(ms * 1000)
    return micros === 0 ? '0s' : micros === 1000 ? '1ms' : `${micros}µs`
  }
  if (ms < 1000) {
    const rounded = Math.round(ms)
    return rounded === 1000 ? '1s' : `${rounded}ms`
  }
  return goSeconds(Math.round(ms / 1000))
}

function goSeconds(seconds: number): string {
  const hours = Math.floor(seconds / 3600)
  const minutes = Math.floor((seconds % 3600) / 60)
  const rest = `${seconds % 60}s`
  if (hours > 0) return `${hours}h${minutes}m${rest}`
  return minutes > 0 ? `${minutes}m${rest}` : rest
}

const SIZE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** A size for people: `512B`, `1.5KiB`. */
export function byteSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1023.95 && unit < SIZE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(1)}${SIZE_UNITS[unit]}`
}

/** A count for people: `1,234,567`. */
export function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}
