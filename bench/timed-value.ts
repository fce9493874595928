import { STARTED_NANOS } from '../test/event/otlp-messages.ts'

/** A record's value that can be had for other times: made once, for making events takes longer than reading them. */
export interface TimedValue {
  /** A copy whose first event is at `timeMs`, epoch milliseconds. */
  at(timeMs: number): Uint8Array
}

const BASE_TIME_TAG = 0x08

/** An `EventBatch` whose first request is at `baseMs`. */
export function timedEventBatch(value: Uint8Array, baseMs: number): TimedValue {
  const bytes = Buffer.from(value)
  const place = onlyPlace(bytes, Buffer.from([BASE_TIME_TAG, ...varint(baseMs)])) + 1
  return {
    at: (timeMs) => {
      const copy = Buffer.from(bytes)
      copy.set(varint(timeMs), place)
      return copy
    },
  }
}

const TIME_FIELD = '"time":"'

/** Events in JSON whose times are text, the first at `baseMs`. */
export function timedJson(bytes: Buffer, baseMs: number): TimedValue {
  const places: { readonly at: number; readonly afterMs: number }[] = []
  for (let at = bytes.indexOf(TIME_FIELD); at >= 0; at = bytes.indexOf(TIME_FIELD, at)) {
    at += TIME_FIELD.length
    places.push({ at, afterMs: Date.parse(bytes.toString('latin1', at, at + 24)) - baseMs })
  }
  return {
    at: (timeMs) => {
      const copy = Buffer.from(bytes)
      let text = ''
      let textMs = Number.NaN
      for (const { at, afterMs } of places) {
        if (timeMs + afterMs !== textMs) text = new Date((textMs = timeMs + afterMs)).toISOString()
        copy.write(text, at, 'latin1')
      }
      return copy
    },
  }
}

/** Tags of a span's start and end, which are fixed64 of nanoseconds. */
const SPAN_TIMES = new Set([0x39, 0x41])
const NANOS_A_MS = 1_000_000n
/** What a message's spans and their ends are apart at most. */
const SPREAD_NANOS = 2_000_000_000n

/** A message of `sdkServerMessage` of `spans` spans, which are within a second. */
export function timedOtlp(value: Uint8Array, spans: number): TimedValue {
  const bytes = Buffer.from(value)
  const places: { readonly at: number; readonly afterNanos: bigint }[] = []
  for (let at = 1; at + 8 <= bytes.length; at++) {
    if (!SPAN_TIMES.has(bytes[at - 1]!)) continue
    const afterNanos = bytes.readBigUInt64LE(at) - STARTED_NANOS
    if (afterNanos >= 0n && afterNanos < SPREAD_NANOS) places.push({ at, afterNanos })
  }
  if (places.length !== 2 * spans) throw new Error(`${places.length} times of ${spans} spans`)
  return {
    at: (timeMs) => {
      const copy = Buffer.from(bytes)
      const nanos = BigInt(timeMs) * NANOS_A_MS
      for (const { at, afterNanos } of places) copy.writeBigUInt64LE(nanos + afterNanos, at)
      return copy
    },
  }
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80)
  return [...bytes, value]
}

function onlyPlace(bytes: Buffer, sought: Buffer): number {
  const at = bytes.indexOf(sought)
  if (at < 0 || bytes.includes(sought, at + 1)) throw new Error('the time is not in one place')
  return at
}
