/** What a value of an event may be at most. Codecs refuse what exceeds it, so that sums stay exact. */

/** Latest time, epoch milliseconds: the last that a `Date` holds. */
export const MAX_TIME_MS = 8.64e15

/** Longest latency, microseconds: about twelve days. */
export const MAX_LATENCY_MICROS = 2 ** 40

/** Largest count of bytes, or of connections opened or closed. */
export const MAX_COUNT = Number.MAX_SAFE_INTEGER

/** Most connections open. */
export const MAX_OPEN = 2 ** 32

export const MAX_STATUS = 999
export const MAX_PORT = 65_535

/** Most events of one record, requests and connections each. */
export const MAX_RECORD_EVENTS = 262_144

/** Longest id of a producer, bytes. */
export const MAX_PRODUCER_BYTES = 256
