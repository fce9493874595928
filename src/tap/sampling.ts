/** Gateways end a slice of time this often, or, where little comes, before. */
export const SLICE_MS = 50

/** Workers do so more often, as theirs comes on top. */
export const WORKER_SLICE_MS = 25

/** A limit in events a second as whole events over a time. */
export interface Rate {
  readonly events: number
  readonly spanMs: number
  /** Of a worker. */
  readonly perSlice: number
}

/** `100` is 100 events in 1 s, `0.5` is one in 2 s, `1.5` is two in 1.33 s. */
export function rateOf(maxRps: number): Rate {
  const events = Math.ceil(maxRps)
  return { events, spanMs: (events * 1000) / maxRps, perSlice: (maxRps * WORKER_SLICE_MS) / 1000 }
}

/**
 * How many lowest priorities of a span are remembered for so many events: some more, as frames that come a little late
 * or early make a span look fuller than it was.
 */
export function placesFor(events: number): number {
  return Math.ceil(events * 1.2)
}

export interface Sampled<T> {
  readonly kept: readonly T[]
  /** How many were left out for good since the last tick. */
  readonly leftOut: number
}

/** A clock's time as one that never goes back: what a clock is set back by passes as no time. */
export class SteadyTime {
  #clockMs: number
  #timeMs = 0

  constructor(clockMs: number) {
    this.#clockMs = clockMs
  }

  /** Milliseconds since the start, by the clock's reading now. */
  at(clockMs: number): number {
    this.#timeMs += Math.max(0, clockMs - this.#clockMs)
    this.#clockMs = clockMs
    return this.#timeMs
  }
}
