/**
 * Latency histogram: base-2 exponential buckets of schema 5, 32 a doubling, over whole microseconds.
 *
 * Bucket `i` ≥ 1 covers (2^((i−320)/32), 2^((i−319)/32)] **milliseconds**: boundaries are powers of 2^(1/32) ms, as a
 * Prometheus native histogram of schema 5 in milliseconds has them, so that one can be exposed without moving a count.
 * Bucket 0 holds zeros. The last one takes what is longer than 2^30 ms (12 days).
 *
 * A quantile is off by at most (r−1)/(r+1) with r = 2^(1/32): 1.083 %.
 * Sources: OpenTelemetry data model, "ExponentialHistogram"; Prometheus, "Native histograms", standard schemas.
 */
export const HISTOGRAM_BUCKETS = 1280

/** Prometheus' index of a bucket in milliseconds is its index here less this. */
export const HISTOGRAM_INDEX_OFFSET = 319

/** Largest relative error of a quantile, as a fraction. */
export const QUANTILE_ERROR = (2 ** (1 / 32) - 1) / (2 ** (1 / 32) + 1)

/** Largest whole number of microseconds in each bucket. */
const LARGEST = new Float64Array(HISTOGRAM_BUCKETS)
/** What a quantile that falls into the bucket answers, in microseconds. */
const TYPICAL = new Float64Array(HISTOGRAM_BUCKETS)

/** Mantissa bits that choose a cell of `FIRST`: cells are narrower than buckets, so at most one boundary is inside. */
const CELL_BITS = 6
/** Bucket of the smallest number in each cell: 64 linear cells for each power of two below 2^31. */
const FIRST = new Uint16Array(31 << CELL_BITS)

for (let i = 0; i < HISTOGRAM_BUCKETS; i++) {
  const high = upperBoundMicros(i)
  const low = upperBoundMicros(i - 1)
  LARGEST[i] = Math.floor(high)
  // Where a bucket holds a single whole number, that is the answer; elsewhere the harmonic mean, which halves the
  // largest relative error between both ends.
  const smallest = Math.floor(low) + 1
  TYPICAL[i] = smallest >= LARGEST[i]! ? LARGEST[i]! : (2 * low * high) / (low + high)
}
LARGEST[0] = 0
TYPICAL[0] = 0
for (let exponent = 0, bucket = 1; exponent < 31; exponent++) {
  for (let cell = 0; cell < 1 << CELL_BITS; cell++) {
    const smallest = Math.ceil(2 ** exponent * (1 + cell / (1 << CELL_BITS)))
    while (LARGEST[bucket]! < smallest) bucket++
    FIRST[(exponent << CELL_BITS) | cell] = bucket
  }
}

/** Upper bound of a bucket in microseconds, inclusive; that of bucket 0 is 0. */
export function upperBoundMicros(bucket: number): number {
  if (bucket <= 0) return 0
  const steps = bucket - HISTOGRAM_INDEX_OFFSET
  const octave = Math.floor(steps / 32)
  return 1000 * 2 ** octave * 2 ** ((steps - 32 * octave) / 32)
}

/** The bucket of a latency in whole microseconds, at least 0. */
export function bucketOf(micros: number): number {
  if (micros < 0x8000_0000) {
    if (micros < 1) return 0
    const value = micros | 0
    const exponent = 31 - Math.clz32(value)
    const cell = exponent >= CELL_BITS ? value >>> (exponent - CELL_BITS) : value << (CELL_BITS - exponent)
    const bucket = FIRST[(exponent << CELL_BITS) | (cell & ((1 << CELL_BITS) - 1))]!
    return value > LARGEST[bucket]! ? bucket + 1 : bucket
  }
  let low = FIRST[FIRST.length - 1]!
  let high = HISTOGRAM_BUCKETS - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if (LARGEST[middle]! < micros) low = middle + 1
    else high = middle
  }
  return low
}

/** What stands for all latencies of a bucket, in microseconds: within `QUANTILE_ERROR` of each. */
export function typicalMicros(bucket: number): number {
  return TYPICAL[bucket]!
}

/**
 * The `q`-quantile by nearest rank (the smallest value with at least `q` of all at or below it) of a dense histogram:
 * `counts[base + i]` is bucket `i`'s. Microseconds; 0 where it is empty.
 */
export function quantileMicros(counts: Float64Array, base: number, total: number, q: number): number {
  const rank = Math.max(1, Math.ceil(q * total))
  let seen = 0
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += counts[base + bucket]!
    if (seen >= rank) return TYPICAL[bucket]!
  }
  return 0
}
