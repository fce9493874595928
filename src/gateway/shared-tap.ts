import type { RequestEvent } from '../event/event.ts'
import { eventToJson } from '../event/json-encoder.ts'
import type { HeldBudget } from '../tap/lowest.ts'
import type { EventPlace, TapCandidate, TapFrame, TapRegistration } from '../tap/tap-bus.ts'
import { RateSampler } from '../tap/rate-sampler.ts'
import { HeardRanges } from '../tap/heard-ranges.ts'
import { SLICE_MS } from '../tap/sampling.ts'
import type { TapQuery } from '../tap/tap-query.ts'
import { compileTapView, eventWithin, type TapView } from '../tap/tap-view.ts'
import type { LiveEvent } from './live-gate.ts'
import { chunksOf } from './tap-frame.ts'
import type { QueuedTapSession, TapTotals } from './tap-session.ts'

/** A slice lasts at least a millisecond for so many sessions: to send each its frame takes time, however little is in it. */
const SESSIONS_PER_MS = 8

/** But no longer than this. */
const LONGEST_SLICE_MS = 200

export interface SharedTapOptions {
  readonly id: string
  readonly query: TapQuery
  readonly nowMs: number
  readonly random: () => number
  readonly budget: HeldBudget
}

/** One registration and all sessions whose query it is: hears the workers, chooses, encodes once. */
export class SharedTap {
  readonly registration: TapRegistration
  readonly sessions = new Set<QueuedTapSession>()
  readonly #sampler: RateSampler<TapCandidate>
  readonly #view: TapView | undefined
  #seen = 0
  #sampledOut = 0
  #lost = 0
  readonly #heard = new HeardRanges()
  #isOver = false
  #tickedMs = 0

  constructor({ id, query, nowMs, random, budget }: SharedTapOptions) {
    this.registration = { id, query }
    this.#view = query.scopes && compileTapView(query.scopes)
    this.#sampler = new RateSampler({ maxRps: query.maxRps, nowMs, random, budget })
  }

  get id(): string {
    return this.registration.id
  }

  /** What happened since the tap was registered, events not counted that will yet be told as sent or left out. */
  get totals(): TapTotals {
    return { seen: this.#seen - this.#sampler.untold, sampledOut: this.#sampledOut, lost: this.#lost }
  }

  /** Takes a worker's frame in; where very little comes, its events go on at once. */
  hear({ seen, matched, candidates, lost = 0, ranges }: TapFrame, nowMs: number): void {
    if (this.#isOver) return
    if (ranges !== undefined) this.#heard.add(ranges)
    // How much there is besides is part of what is not shown.
    this.#seen += this.#view === undefined ? seen : matched
    this.#lost += lost
    this.#sampler.leaveOut(matched - candidates.length - lost)
    for (const candidate of candidates) {
      if (this.#heard.isRepeated(candidate.place)) this.#seen--
      else this.#offer(candidate)
    }
    if (candidates.length > 0 && this.#mayTick(nowMs) && this.#sampler.mayEnd(nowMs)) this.#end(nowMs)
  }

  /**
   * Where the first session is not there yet, events wait for it until the slice ends; where there are many, for fewer
   * and fuller frames.
   */
  #mayTick(nowMs: number): boolean {
    const { size } = this.sessions
    return size > 0 && nowMs - this.#tickedMs >= Math.floor(size / SESSIONS_PER_MS)
  }

  /** Ends a slice of time: gives all sessions what was chosen. For many sessions slices are longer. */
  tick(nowMs: number): void {
    const { size } = this.sessions
    if (nowMs - this.#tickedMs < Math.min(LONGEST_SLICE_MS, size / SESSIONS_PER_MS) - SLICE_MS / 2) return
    this.#end(nowMs)
  }

  #end(nowMs: number): void {
    this.#tickedMs = nowMs
    const { kept, leftOut } = this.#sampler.tick(nowMs)
    this.#sampledOut += leftOut
    const events = kept
      .toSorted((a, b) => a.event.timeMs - b.event.timeMs || byPlace(a.place, b.place))
      .map(({ event, place }): LiveEvent => ({ json: encode(event), place }))
    const chunks = chunksOf(events.map(({ json }) => json))
    const { totals } = this
    for (const session of this.sessions) {
      const { gate } = session
      if (gate === undefined) session.give(chunks, totals, nowMs)
      else if (!gate.isOpen) gate.hold(events)
      else {
        const passing = gate.passing(events)
        const own = passing === events ? chunks : chunksOf(passing.map(({ json }) => json))
        session.give(own, totals, nowMs)
      }
    }
  }

  /** Workers publish only what the view shows; here that is made sure of. */
  #offer(candidate: TapCandidate): void {
    const { event } = candidate
    const shown = this.#view === undefined ? event : eventWithin(event, this.#view)
    if (shown === undefined) this.#sampler.leaveOut(1)
    else this.#sampler.offer({ ...candidate, event: shown })
  }

  /** Hears no more, and lets go of what is held. */
  discard(): void {
    this.#isOver = true
    this.#sampler.discard()
  }
}

function encode(event: RequestEvent): string {
  return JSON.stringify(eventToJson(event))
}

/** Events of the same millisecond stay as the log has them. */
function byPlace(a: EventPlace | undefined, b: EventPlace | undefined): number {
  if (a === undefined || b === undefined) return 0
  if (a.partition !== b.partition) return a.partition < b.partition ? -1 : 1
  return a.offset - b.offset || a.index - b.index
}
