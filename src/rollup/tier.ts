/** One rung of the ladder of bucket lengths. */
export interface Tier {
  readonly name: '10s' | '1m' | '10m'
  readonly bucketMs: number
  /** How long a bucket is kept after it ends. */
  readonly retentionMs: number
  /** Whether series keep the reporting pod apart. */
  readonly pods: boolean
  /** Whether series keep the trace of a slow request: it is shown with the totals, and told from no other bucket. */
  readonly exemplars: boolean
}

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Finest first. Each length divides the next. */
export const TIERS: readonly [Tier, Tier, Tier] = [
  { name: '10s', bucketMs: 10 * SECOND, retentionMs: 10 * MINUTE, pods: true, exemplars: true },
  { name: '1m', bucketMs: MINUTE, retentionMs: 6 * HOUR, pods: true, exemplars: false },
  { name: '10m', bucketMs: 10 * MINUTE, retentionMs: 7 * 24 * HOUR, pods: false, exemplars: false },
]

/** The tier that events are folded into first. */
export const FINEST = TIERS[0]

/** How far ahead of the worker's clock an event may be and still open a bucket. */
export const FUTURE_LIMIT_MS = 5 * MINUTE

/** Totals of a series that had no event for this long are dropped whole. */
export const TOTALS_IDLE_MS = HOUR

/** A proxy not heard of for this long is forgotten: its open connections and its place in `meshed`. */
export const PROXY_FORGOTTEN_MS = MINUTE

/** Start of the tier's bucket that holds a time. Epoch milliseconds. */
export function bucketStart(tier: Tier, timeMs: number): number {
  return Math.floor(timeMs / tier.bucketMs) * tier.bucketMs
}
