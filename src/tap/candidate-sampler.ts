import { type HeldBudget, Lowest, type Prioritized } from './lowest.ts'
import { placesFor, rateOf, type Sampled, SteadyTime } from './sampling.ts'
import { type Ranked, Trailing } from './trailing.ts'

/** Where nothing has a chance; a small integer to V8. */
const LONGEST_SKIP = 2 ** 30

export interface CandidateSamplerOptions {
  readonly maxRps: number
  /** Epoch milliseconds. */
  readonly nowMs: number
  /** Uniform in [0, 1). */
  readonly random: () => number
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
 *
 * Of a stream far too fast nearly all have no chance, and cost little: instead of a priority for each, it is drawn how many
 * come until one has a chance, which is the same (Devroye, Non-Uniform Random Variate Generation, X.2).
 */
export class CandidateSampler<T extends Prioritized> {
  readonly #events: number
  readonly #due: Lowest<T>
  readonly #others: Lowest<T>
  readonly #recent: Trailing<T>
  readonly #time: SteadyTime
  #threshold = Number.POSITIVE_INFINITY
  #leftOut = 0
  readonly #random: () => number
  /** Entries that have no chance before one that has. */
  #skip = 0
  /** Priorities below it had a chance when that was drawn. */
  #bar = 1

  constructor({ maxRps, nowMs, random, budget }: CandidateSamplerOptions) {
    const { events, spanMs, perSlice } = rateOf(maxRps)
    this.#events = events
    this.#due = new Lowest<T>(Math.ceil(perSlice))
    this.#others = new Lowest<T>(placesFor(events), budget)
    this.#recent = new Trailing<T>(placesFor(events), spanMs)
    this.#time = new SteadyTime(nowMs)
    this.#random = random
  }

  /** The priority of the next entry, to be offered; undefined where it is left out, and need not be made. */
  draw(): number | undefined {
    if (this.#skip > 0) {
      this.#skip--
      this.#leftOut++
      return undefined
    }
    const priority = this.#random() * this.#bar
    if (priority < this.#barNow) return priority
    // Others took the room that there was.
    this.#leftOut++
    this.#drawSkip()
    return undefined
  }

  /** Takes an entry in; answers the one that is left out for it, if any. */
  offer(entry: T): T | undefined {
    const out = this.#place(entry)
    if (out !== undefined) this.#leftOut++
    this.#drawSkip()
    return out
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
    // What expired is made up for only when it begins to miss: to fill a place anew, much is held.
    this.#threshold = this.#recent.thresholdOf(this.#events)
    const leftOut = this.#leftOut + all.length - items.length
    this.#leftOut = 0
    this.#drawSkip()
    return { kept: items, leftOut }
  }

  /** Lets go of all entries: the sampler is of no more use. */
  discard(): void {
    this.#due.drain()
    this.#others.drain()
  }

  #place(entry: T): T | undefined {
    const displaced = this.#due.push(entry)
    if (displaced === undefined || displaced.priority >= this.#threshold) return displaced
    return this.#others.push(displaced)
  }

  get #barNow(): number {
    return Math.max(this.#due.bar, Math.min(this.#threshold, this.#others.bar))
  }

  #drawSkip(): void {
    const bar = Math.min(1, this.#barNow)
    this.#bar = bar
    this.#skip =
      bar === 1 ? 0 : Math.min(LONGEST_SKIP, Math.floor(Math.log1p(-this.#random()) / Math.log1p(-bar)))
  }
}
