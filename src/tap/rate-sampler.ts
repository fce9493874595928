import { HeldBudget, Lowest, type Prioritized } from './lowest.ts'
import { placesFor, rateOf, type Sampled, SteadyTime } from './sampling.ts'
import { SentCounts } from './sent-counts.ts'
import { type Ranked, Trailing } from './trailing.ts'

/** While no more than this part of the limit, or one, comes in a second, everything is handed on at once. */
const LIGHT = 1 / 8

export interface RateSamplerOptions {
  readonly maxRps: number
  /** Epoch milliseconds. */
  readonly nowMs: number
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Bounds what several samplers hold together. */
  readonly budget?: HeldBudget
}

/**
 * A gateway's part in sampling a tap: chooses an even sample of at most `maxRps` events a second of what workers hand on.
 *
 * - Each slice's end hands on the slice's lowest priorities, as many as are due to the time that passed: so a stream that is
 *   too fast is sampled evenly over time, and not by who came first.
 * - The others wait for a second. What then has been among the lowest of every second that it was part of is handed on too,
 *   if none of these seconds is full: so a burst that the limit has room for loses nothing.
 * - While very little comes, nothing waits, and a slice may end before its time.
 *
 * So of the events that came in any one second about `maxRps` are handed on at most, some at once and some a second later.
 * (A limit of less than one, or of a fraction, goes by the time that whole events take, instead of by seconds.) Every
 * entry is kept or left out, exactly once.
 */
export class RateSampler<T extends Prioritized> {
  readonly #maxRps: number
  readonly #events: number
  readonly #budget: HeldBudget
  readonly #slice: Lowest<T>
  /** What came in the last second: of what waits the entry, of what was handed on its place. */
  readonly #recent: Trailing<T>
  readonly #sent: SentCounts
  readonly #time: SteadyTime
  #waiting = 0
  #tickedMs = 0
  /** Begins at random, so that what is due to a slice in fractions is rounded without favour. */
  #due: number
  #leftOut = 0

  constructor({ maxRps, nowMs, random, budget }: RateSamplerOptions) {
    const { events, spanMs } = rateOf(maxRps)
    this.#maxRps = maxRps
    this.#events = events
    this.#budget = budget ?? new HeldBudget(Number.POSITIVE_INFINITY)
    this.#slice = new Lowest<T>(placesFor(events), this.#budget)
    this.#recent = new Trailing<T>(placesFor(events), spanMs)
    this.#sent = new SentCounts(spanMs)
    this.#time = new SteadyTime(nowMs)
    this.#due = random()
  }

  /** Entries that are neither kept nor left out yet. */
  get pending(): number {
    return this.#slice.size + this.#waiting
  }

  /** Whether so little comes that a slice may end now, with all of it handed on. */
  get isLight(): boolean {
    return this.#leftOut === 0 && this.#recent.size + this.#slice.size <= Math.max(1, this.#events * LIGHT)
  }

  offer(entry: T): void {
    if (this.#slice.push(entry) !== undefined) this.#leftOut++
  }

  /** Counts entries that someone has left out already. */
  leaveOut(count: number): void {
    this.#leftOut += count
  }

  /** Ends the slice. */
  tick(nowMs: number): Sampled<T> {
    const timeMs = this.#time.at(nowMs)
    const allowed = this.#dueBy(timeMs)
    const kept = this.#settle(this.#recent.expire(timeMs))
    this.#sent.forget(timeMs)
    const { isLight } = this
    const slice = this.#slice.drain()
    const now = isLight ? slice : slice.slice(0, allowed)
    for (const item of now) kept.push(item)
    this.#sent.add(timeMs, now.length)
    this.#wait(slice, now.length, timeMs)
    const leftOut = this.#leftOut
    this.#leftOut = 0
    return { kept, leftOut }
  }

  /** Lets go of all entries: the sampler is of no more use. */
  discard(): void {
    this.#slice.drain()
    this.#recent.drain()
    this.#release(this.#waiting)
  }

  /** How many events are due to the time that passed; the fraction is kept for later. */
  #dueBy(timeMs: number): number {
    this.#due += ((timeMs - this.#tickedMs) * this.#maxRps) / 1000
    this.#tickedMs = timeMs
    const allowed = Math.floor(this.#due)
    this.#due -= allowed
    return allowed
  }

  /** Decides about what has waited its second, and answers what of it is handed on. */
  #settle(expired: readonly Ranked<T>[]): T[] {
    const kept: T[] = []
    const waited = expired.filter(({ item }) => item !== undefined)
    for (const { timeMs, item } of waited) {
      if (this.#sent.mostAround(timeMs) >= this.#events) {
        this.#leftOut++
      } else {
        this.#sent.add(timeMs, 1)
        kept.push(item!)
      }
    }
    this.#release(waited.length)
    return kept
  }

  /** Remembers a slice, of which the first were handed on already. */
  #wait(slice: readonly T[], sent: number, timeMs: number): void {
    this.#waiting += slice.length - sent
    this.#budget.held += slice.length - sent
    const outranked = this.#recent.add(
      slice.map((item, i) => ({ priority: item.priority, timeMs, item: i < sent ? undefined : item })),
    )
    const waited = outranked.filter(({ item }) => item !== undefined).length
    this.#leftOut += waited
    this.#release(waited)
  }

  #release(waited: number): void {
    this.#waiting -= waited
    this.#budget.held -= waited
  }
}
