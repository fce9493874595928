import { HeldBudget, Lowest, type Prioritized } from './lowest.ts'
import { placesFor, rateOf, type Sampled, SLICE_MS, SteadyTime } from './sampling.ts'
import { SpanCounts } from './span-counts.ts'
import { type Ranked, Trailing } from './trailing.ts'

/**
 * What is due and not used may be used later, up to so many times the limit's square root: by so much slices of a stream
 * that stays below the limit may exceed their share by chance, and it is little beside a second's.
 */
const SPARE = 1.25

/** A slice ends before its time only with fewer than this part of a second's limit, or one. */
const LIGHT = 1 / 16

/** Whatever waited longer than its span and this is left out. */
const GRACE_MS = 2 * SLICE_MS

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
 * - To each slice of time its share of the limit is due. What a slice does not use is spare for later ones, up to an eighth
 *   of a second's.
 * - A slice that has no more than is due and spare is handed on whole, so below the limit nothing waits, and a slice may
 *   then end before its time (`mayEnd`). One that has more hands on its lowest priorities, as many as are due: a stream
 *   that is too fast is sampled evenly over time and workers, and not by who came first.
 * - Of the others wait as many as their second has room for: the limit less what came in it before. A later slice that
 *   leaves something of what is due gives it to those that waited, the lowest priorities first, of seconds of which less
 *   than the limit was handed on: so a burst that the limit has room for loses nothing, and its last event is there after
 *   little more than a second. In a stream near the limit, or above it, a second is full before a slice is too much, and
 *   nothing waits: what has seconds with too many by chance is not late for it.
 *
 * In no second is more than `maxRps` handed on, and of the events that came in one about that many at most. (A limit of
 * less than one, or of a fraction, goes by the time that whole events take, instead of by seconds.) Every entry is kept
 * or left out, exactly once.
 */
export class RateSampler<T extends Prioritized> {
  readonly #maxRps: number
  readonly #events: number
  readonly #spanMs: number
  readonly #budget: HeldBudget
  readonly #slice: Lowest<T>
  /** What came in the last second: of what waits the entry, of what was handed on its place. */
  readonly #recent: Trailing<T>
  /** All that came, whatever became of it. */
  readonly #came: SpanCounts
  /** What was handed on, by when it came. */
  readonly #sent: SpanCounts
  /** What was handed on, by when it was. */
  readonly #handedOn: SpanCounts
  readonly #time: SteadyTime
  #waiting = 0
  #accruedMs = 0
  /** Begins at random, so that what is due to a slice in fractions is rounded without favour. */
  #due: number
  #spare: number
  readonly #mostSpare: number
  readonly #few: number
  /** When a slice last had more than could be handed on. */
  #overMs = Number.NEGATIVE_INFINITY
  #leftOut = 0

  constructor({ maxRps, nowMs, random, budget }: RateSamplerOptions) {
    const { events, spanMs } = rateOf(maxRps)
    this.#maxRps = maxRps
    this.#events = events
    this.#spanMs = spanMs
    this.#budget = budget ?? new HeldBudget(Number.POSITIVE_INFINITY)
    this.#slice = new Lowest<T>(placesFor(events), this.#budget)
    this.#recent = new Trailing<T>(placesFor(events), spanMs + GRACE_MS)
    // When something came is known to a slice: what may be older than the span is taken to be.
    this.#came = new SpanCounts(spanMs - SLICE_MS)
    this.#sent = new SpanCounts(spanMs)
    this.#handedOn = new SpanCounts(maxRps < 1 ? spanMs : 1000)
    this.#time = new SteadyTime(nowMs)
    this.#due = random()
    this.#mostSpare = Math.max(1, Math.floor(Math.sqrt(events) * SPARE))
    this.#spare = this.#mostSpare
    this.#few = Math.max(1, events * LIGHT)
  }

  /** Entries that are neither kept nor left out yet. */
  get pending(): number {
    return this.#slice.size + this.#waiting
  }

  /** Entries of which no tick has told yet whether they are kept or left out. */
  get untold(): number {
    return this.pending + this.#leftOut
  }

  /**
   * Whether the slice may end now, with all of it handed on. Only with few, for many may be the begin of too many; and not
   * soon after there was too much: then who comes right after a slice's end would have no others to be chosen from.
   */
  mayEnd(nowMs: number): boolean {
    const timeMs = this.#accrue(nowMs)
    return (
      this.#leftOut === 0 &&
      timeMs - this.#overMs >= this.#spanMs &&
      this.#slice.size <= Math.min(this.#allowed, this.#roomAt(timeMs), this.#few)
    )
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
    const timeMs = this.#accrue(nowMs)
    this.#came.forget(timeMs)
    this.#sent.forget(timeMs)
    this.#handedOn.forget(timeMs)
    const expired = this.#recent.expire(timeMs)
    const slice = this.#slice.drain()
    const isOver = this.#leftOut > 0 || slice.length > this.#allowed
    if (isOver) this.#overMs = timeMs
    const room = this.#roomAt(timeMs)
    const wanted = isOver ? Math.min(slice.length, Math.floor(this.#due)) : slice.length
    const now = slice.slice(0, Math.min(wanted, room))
    this.#use(now.length, timeMs)
    this.#sent.add(timeMs, now.length)
    this.#wait(this.#remembered(slice, now.length, timeMs), now.length, timeMs)
    const kept = isOver ? now : [...now, ...this.#late(expired, timeMs)]
    this.#leaveOutWaiting(expired)
    this.#saveUnused(room)
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

  get #allowed(): number {
    return Math.floor(this.#due) + this.#spare
  }

  #roomAt(timeMs: number): number {
    return this.#events - this.#handedOn.mostAround(timeMs)
  }

  /** Adds what is due to the time that passed, and answers the time. */
  #accrue(nowMs: number): number {
    const timeMs = this.#time.at(nowMs)
    this.#due += ((timeMs - this.#accruedMs) * this.#maxRps) / 1000
    this.#accruedMs = timeMs
    return timeMs
  }

  #use(count: number, timeMs: number): void {
    const ofDue = Math.min(count, Math.floor(this.#due))
    this.#due -= ofDue
    this.#spare -= count - ofDue
    this.#handedOn.add(timeMs, count)
  }

  /** The fraction stays due. What was not handed on because the second is full is not spare: it was used before. */
  #saveUnused(room: number): void {
    const unused = Math.floor(this.#due)
    this.#due -= unused
    if (unused < room) this.#spare = Math.min(this.#mostSpare, this.#spare + unused)
  }

  /** Hands on what waited, as far as something is left for it. */
  #late(expired: readonly Ranked<T>[], timeMs: number): T[] {
    const late: T[] = []
    let left = Math.min(this.#allowed, this.#roomAt(timeMs))
    if (this.#waiting === 0 || left === 0) return late
    const rooms = new Map<number, number>()
    const times: number[] = []
    for (const ranked of [...expired, ...this.#recent.all]) {
      if (ranked.item === undefined) continue
      const cameMs = ranked.timeMs
      let room = rooms.get(cameMs)
      if (room === undefined) rooms.set(cameMs, (room = this.#events - this.#sent.mostAround(cameMs)))
      // As if all that is handed on here were of the same second.
      if (room <= late.length) continue
      late.push(ranked.item)
      ranked.item = undefined
      times.push(cameMs)
      if (--left === 0) break
    }
    for (const cameMs of times) this.#sent.add(cameMs, 1)
    this.#use(late.length, timeMs)
    this.#release(late.length)
    return late
  }

  /** Takes a slice for what came, and answers what of it was handed on or may wait. */
  #remembered(slice: readonly T[], sent: number, timeMs: number): readonly T[] {
    const before = this.#came.mostAround(timeMs)
    this.#came.add(timeMs, slice.length + this.#leftOut)
    const remembered = slice.slice(0, Math.max(sent, this.#events - before))
    this.#leftOut += slice.length - remembered.length
    return remembered
  }

  /** Remembers a slice, of which the first were handed on already. */
  #wait(slice: readonly T[], sent: number, timeMs: number): void {
    this.#waiting += slice.length - sent
    this.#budget.held += slice.length - sent
    this.#leaveOutWaiting(
      this.#recent.add(
        slice.map((item, i) => ({ priority: item.priority, timeMs, item: i < sent ? undefined : item })),
      ),
    )
  }

  #leaveOutWaiting(ranked: readonly Ranked<T>[]): void {
    const waited = ranked.filter(({ item }) => item !== undefined).length
    this.#leftOut += waited
    this.#release(waited)
  }

  #release(waited: number): void {
    this.#waiting -= waited
    this.#budget.held -= waited
  }
}
