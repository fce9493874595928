import { HISTOGRAM_BUCKETS, typicalMicros } from '../rollup/histogram.ts'
import { LATENCY_BOUNDS } from './families.ts'

/**
 * The classic bucket (a place in `LATENCY_BOUNDS`, or the one after them for +Inf) that all of a sketch's bucket count in:
 * that of its typical latency, which is within `QUANTILE_ERROR` of each. So a latency further than 1.083 % from a bound is
 * on the right side of it; at 1, 2 and other powers of two every one is.
 */
export const CLASSIC_OF: Uint16Array = Uint16Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => {
  const place = LATENCY_BOUNDS.findIndex((bound) => typicalMicros(bucket) <= 1000 * bound)
  return place < 0 ? LATENCY_BOUNDS.length : place
})

/** The classic bucket that a latency itself is in, as an exemplar must be. */
export function boundOf(micros: number): number {
  const place = LATENCY_BOUNDS.findIndex((bound) => micros <= 1000 * bound)
  return place < 0 ? LATENCY_BOUNDS.length : place
}
