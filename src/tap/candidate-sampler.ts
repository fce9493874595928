import { type HeldBudget, Lowest, type Prioritized } from './lowest.ts'
import { placesFor, rateOf, type Sampled, SteadyTime } from './sampling.ts'
import { type Ranked, Trailing } from './trailing.ts'

export interface CandidateSamplerOptions {
  readonly maxRps: number
  /** Epoch milliseconds. */
  readonly nowMs: number
  /**
   * Bounds what several samplers hold beyond what is due to their slices, so that where others hold much a sampler still
   * hands on its part.
   */
  readonly budget?: HeldBudget
}

/**
 * A worker's part in sampling a tap: of all that matches, hands on what a gateway that hears several workers needs to
 * choose as if it had heard of every event.
 *
 * That is, at each slice's end, the slice's lowest priorities as many as are due to a slice, and what is among the
 * lowest of the last second. For a stream far too fast that is little more than `maxRps` a second, for a sudden one
 * first up to `maxRps` in one slice. Every entry is kept or left out with the slice that it came in.
 */
export class CandidateSampler<T extends Prioritized> {
  readonly #due: Lowest<T>
  readonly #others: Lowest<T>
  readonly #recent: Trailing<T>
  readonly #time: SteadyTime
  #threshold = Number.POSITIVE_INFINITY
  #leftOut = 0

  constructor({ maxRps, nowMs, budget }: CandidateSamplerOptions) {
    const { events, spanMs, perSlice } = rateOf(maxRps)
    this.#due = new Lowest<T>(Math.ceil(perSlice))
    this.#others = new Lowest<T>(placesFor(events), budget)
    this.#recent = new Trailing<T>(placesFor(events), spanMs)
    this.#time = new SteadyTime(nowMs)
  }

  /** Whether an entry of this priority has a chance; if not, tell `leaveOut` rather than make one. */
  accepts(priority: number): boolean {
    return this.#due.accepts(priority) || (priority < this.#threshold && this.#others.accepts(priority))
  }

  /** Takes an entry in; answers the one that is left out for it, if any. */
  offer(entry: T): T | undefined {
    const displaced = this.#due.push(entry)
    if (displaced === undefined) return undefined
    const out = displaced.priority < this.#threshold ? this.#others.push(displaced) : displaced
    if (out !== undefined) this.#leftOut++
    return out
  }

  leaveOut(count: number): void {
    this.#leftOut += count
  }

  /** Ends the slice. */
  tick(nowMs: number): Sampled<T> {
    const timeMs = this.#time.at(nowMs)
    this.#recent.expire(timeMs)
    const due = this.#due.drain()
    const all = [...due, ...this.#others.drain()].map((item): Ranked<T> => ({
      priority: item.priority,
      timeMs,
      item,
    }))
    const kept = new Set(all)
    // Both lists are in order, and `due` holds the lowest.
    for (const out of this.#recent.add(all)) kept.delete(out)
    for (let i = 0; i < due.length; i++) kept.add(all[i]!)
    const items = [...kept].map(({ item }) => item!)
    for (const ranked of all) ranked.item = undefined
    this.#threshold = this.#recent.threshold
    const leftOut = this.#leftOut + all.length - items.length
    this.#leftOut = 0
    return { kept: items, leftOut }
  }

  /** Lets go of all entries: the sampler is of no more use. */
  discard(): void {
    this.#due.drain()
    this.#others.drain()
  }
}
