import { hash } from 'node:crypto'
import type { TapAnswer, TapEventAnswer } from '../../query/answer.ts'

/**
 * What is asked for begins so long before the last frame: events may come so much later than the log took them, and
 * connecting takes its time.
 */
const OVERLAP_MS = 15_000

/** Events are remembered for as long as they may come again, clocks that differ a little included. */
const KEEP_MS = 2 * OVERLAP_MS

/** Events remembered at most. */
const MAX_EVENTS = 50_000

/** A tap that was thinned within this time before it broke off is taken for one that would be thinned on. */
const THINNED_MS = 60_000

/** How a tap that broke off goes on. */
export type Resumption =
  /** With what it missed: `since` is a parameter of the tap. */
  { readonly kind: 'with-past'; readonly since: string } | { readonly kind: 'live'; readonly why: string }

interface Shown {
  readonly digest: string
  readonly atMs: number
}

/**
 * Makes one tap of several connections: says what of the past the next one begins with, and leaves out what was shown
 * before. Events have no identity of their own, so those that are equal in all count as one another, each once.
 */
export class TapSeam {
  readonly #maxEvents: number
  /** Until when all was shown. */
  #wholeMs: number | undefined
  /** By digest, how often it was shown of late. */
  readonly #counts = new Map<string, number>()
  #order: Shown[] = []
  /** When the last one was shown that is forgotten too early. */
  #forgottenMs = Number.NEGATIVE_INFINITY
  #thinnedMs = Number.NEGATIVE_INFINITY
  #sampledOut = 0
  /** What may come again on this connection, and how often. */
  #again = new Map<string, number>()
  #repeated = 0
  #noPast: { readonly why: string; readonly isForGood: boolean } | undefined

  constructor({ maxEvents = MAX_EVENTS }: { readonly maxEvents?: number } = {}) {
    this.#maxEvents = maxEvents
  }

  /** Until when all was shown; undefined where nothing was, or the past that it began with is not at its end. */
  get wholeMs(): number | undefined {
    return this.#wholeMs
  }

  /** Events of this connection that were left out, as they were shown before. */
  get repeated(): number {
    return this.#repeated
  }

  /** What was missed cannot be had: this time, or ever. */
  giveUpPast(why: string, { isForGood }: { readonly isForGood: boolean }): void {
    this.#noPast = { why, isForGood }
  }

  resumption(nowMs: number): Resumption {
    if (this.#noPast !== undefined) return { kind: 'live', why: this.#noPast.why }
    if (this.#wholeMs === undefined) return { kind: 'live', why: 'the past before them was not at its end' }
    if (this.#wholeMs - this.#thinnedMs < THINNED_MS) {
      return { kind: 'live', why: 'more match than --max-rps lets through' }
    }
    if (this.#wholeMs - this.#forgottenMs < KEEP_MS) {
      return { kind: 'live', why: 'too many were shown before to tell them apart' }
    }
    const seconds = Math.ceil((nowMs - this.#wholeMs + OVERLAP_MS) / 1000)
    return { kind: 'with-past', since: `${seconds}s` }
  }

  /** A connection begins. */
  begin(): void {
    this.#again = new Map(this.#counts)
    this.#repeated = 0
    this.#sampledOut = 0
  }

  /** The events of a frame that were not shown before. */
  take({ events, replay, sampledOut }: TapAnswer, nowMs: number): readonly TapEventAnswer[] {
    if (sampledOut > this.#sampledOut) this.#thinnedMs = nowMs
    this.#sampledOut = sampledOut
    const fresh = events.filter((event) => this.#isNew(event, replay !== undefined, nowMs))
    if (replay?.state !== 'running') this.#wholeMs = nowMs
    if (this.#noPast?.isForGood === false) this.#noPast = undefined
    this.#forget(nowMs)
    return fresh
  }

  #isNew(event: TapEventAnswer, isPast: boolean, nowMs: number): boolean {
    const digest = hash('sha256', JSON.stringify(event), 'base64')
    const left = isPast ? (this.#again.get(digest) ?? 0) : 0
    if (left > 0) {
      this.#again.set(digest, left - 1)
      this.#repeated++
      return false
    }
    this.#counts.set(digest, (this.#counts.get(digest) ?? 0) + 1)
    this.#order.push({ digest, atMs: nowMs })
    return true
  }

  #forget(nowMs: number): void {
    const oldestMs = (this.#wholeMs ?? nowMs) - KEEP_MS
    let gone = 0
    for (const { atMs } of this.#order) {
      const isTooMany = this.#order.length - gone > this.#maxEvents
      if (atMs >= oldestMs && !isTooMany) break
      if (atMs >= oldestMs) this.#forgottenMs = atMs
      gone++
    }
    for (const { digest } of this.#order.splice(0, gone)) {
      const count = this.#counts.get(digest) ?? 0
      if (count > 1) this.#counts.set(digest, count - 1)
      else this.#counts.delete(digest)
    }
  }
}
