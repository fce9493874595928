const DAYS_BEFORE_MONTH = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
const DAYS_OF_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const ZERO = 0x30

/**
 * Reads `bytes[start, end)` as an RFC 3339 time, `2026-11-24T10:00:00.123Z` or with an offset like `+02:00`, to epoch
 * milliseconds. Digits finer than a millisecond are cut. NaN where it is none; a zone is required.
 */
export function parseRfc3339(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 20) return Number.NaN
  const year = digits(bytes, start, 4)
  const month = digits(bytes, start + 5, 2)
  const day = digits(bytes, start + 8, 2)
  const hour = digits(bytes, start + 11, 2)
  const minute = digits(bytes, start + 14, 2)
  const second = digits(bytes, start + 17, 2)
  const isWellFormed =
    bytes[start + 4] === 0x2d &&
    bytes[start + 7] === 0x2d &&
    isTimeSeparator(bytes[start + 10]!) &&
    bytes[start + 13] === 0x3a &&
    bytes[start + 16] === 0x3a &&
    year >= 0 &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= daysOf(year, month) &&
    hour >= 0 &&
    hour <= 23 &&
    minute >= 0 &&
    minute <= 59 &&
    second >= 0 &&
    // A leap second is the first of the next minute.
    second <= 60
  if (!isWellFormed) return Number.NaN
  let pos = start + 19
  let millis = 0
  if (bytes[pos] === 0x2e) {
    let scale = 100
    const first = ++pos
    for (; pos < end && isDigit(bytes[pos]!); pos++) {
      millis += (bytes[pos]! - ZERO) * scale
      scale = scale === 100 ? 10 : scale === 10 ? 1 : 0
    }
    if (pos === first) return Number.NaN
  }
  const offset = zoneOffset(bytes, pos, end)
  const seconds = ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second
  return seconds * 1000 + millis
}

/** Minutes east of UTC that a zone at `bytes[pos, end)` says, NaN where it says none. */
function zoneOffset(bytes: Uint8Array, pos: number, end: number): number {
  const sign = bytes[pos]
  if (end - pos === 1 && (sign === 0x5a || sign === 0x7a)) return 0
  if (end - pos !== 6 || (sign !== 0x2b && sign !== 0x2d) || bytes[pos + 3] !== 0x3a) return Number.NaN
  const hours = digits(bytes, pos + 1, 2)
  const minutes = digits(bytes, pos + 4, 2)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN
  return (sign === 0x2d ? -1 : 1) * (hours * 60 + minutes)
}

/** The number that `count` digits make, -1 where one is none. */
function digits(bytes: Uint8Array, start: number, count: number): number {
  let value = 0
  for (let i = start; i < start + count; i++) {
    if (!isDigit(bytes[i]!)) return -1
    value = value * 10 + (bytes[i]! - ZERO)
  }
  return value
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39
}

/** T, t or a space, which RFC 3339 allows. */
function isTimeSeparator(byte: number): boolean {
  return byte === 0x54 || byte === 0x74 || byte === 0x20
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

function daysOf(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : DAYS_OF_MONTH[month - 1]!
}

function daysSinceEpoch(year: number, month: number, day: number): number {
  // Leap days of the years before this one, counted from the year 1.
  const before = year - 1
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
  const leapDay = month > 2 && isLeap(year) ? 1 : 0
  // 719,162 days lie between the first of January of the year 1 and the epoch.
  return before * 365 + leapDays + DAYS_BEFORE_MONTH[month - 1]! + leapDay + day - 1 - 719_162
}
