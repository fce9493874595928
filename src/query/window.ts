import { bucketStart, type Tier, TIERS } from '../rollup/tier.ts'
import type { WindowAnswer } from './answer.ts'

/** A span of time as asked for. */
export interface Span {
  /** As written, for example `1m`. */
  readonly text: string
  readonly ms: number
}

export const MIN_WINDOW_MS = 10_000
export const MAX_WINDOW_MS = TIERS[2].retentionMs

/** How far the answer may lag behind the clock before it counts idle time. */
const LAG_MS = 10_000

/** A bucket may expire between planning a read and reading: the oldest ones are left out this long before. */
const EXPIRY_MARGIN_MS = 2_000

/** The time that an answer covers. Epoch milliseconds. */
export interface Window {
  readonly requested: Span
  /** The tier whose buckets are read. */
  readonly tier: Tier
  /** Start of the first bucket. */
  readonly fromMs: number
  readonly toMs: number
  /** What counts are divided by. */
  readonly seconds: number
}

/** The finest tier that keeps buckets for as long as the span. */
export function tierFor(spanMs: number): Tier {
  return TIERS.find((tier) => spanMs <= tier.retentionMs) ?? TIERS[2]
}

/**
 * The window of an answer given at `nowMs`, where the newest event folded is of `watermarkMs`.
 *
 * It ends with the newest event, at most 10 s ago and never ahead of the clock: so a pipeline that is a second behind
 * does not dilute rates, and a mesh gone quiet does. It begins with a whole bucket (or with a multiple of
 * `alignMs`, itself a multiple of the bucket): what is counted lies inside, and the window is at least as long as
 * asked for. The one exception: asked for all that a tier keeps, the oldest bucket may be gone, and the window is up to
 * 12 s shorter. `seconds` is always the true length.
 */
export function windowAt(
  nowMs: number,
  watermarkMs: number,
  requested: Span,
  alignMs: number = tierFor(requested.ms).bucketMs,
): Window {
  const tier = tierFor(requested.ms)
  const toMs = Math.min(nowMs, Math.max(watermarkMs, nowMs - LAG_MS))
  const wanted = Math.floor((toMs - requested.ms) / alignMs) * alignMs
  const oldest = bucketStart(tier, nowMs + EXPIRY_MARGIN_MS - tier.retentionMs)
  const fromMs = Math.max(wanted, oldest)
  return { requested, tier, fromMs, toMs, seconds: (toMs - fromMs) / 1000 }
}

export function windowAnswer(window: Window): WindowAnswer {
  return {
    requested: window.requested.text,
    from: rfc3339(window.fromMs),
    to: rfc3339(window.toMs),
    seconds: window.seconds,
  }
}

export function rfc3339(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
