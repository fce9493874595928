import { type Call, GRPC_OUTCOMES, OUTCOMES } from './mesh.ts'
import type { EventMade } from './truth.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/**
 * Ages of events that come far too late, so that the higher tiers have buckets that no finer one has: beyond what 10 s
 * buckets are kept, beyond what minutes are kept, beyond everything. Of the run's start, so that buckets stay few.
 */
const OLD_AGES_MS = [17 * MINUTE, 43 * MINUTE, 2 * HOUR, 9 * HOUR, 30 * HOUR, 8 * 24 * HOUR]

export interface BatchMakerOptions {
  readonly calls: readonly Call[]
  readonly next: () => number
  readonly now: () => number
  readonly startMs: number
}

/** Random events: mostly of just now, some batches minutes late, few of them hours or days. */
export class BatchMaker {
  readonly #options: BatchMakerOptions

  constructor(options: BatchMakerOptions) {
    this.#options = options
  }

  make(events: number): EventMade[] {
    const { next } = this.#options
    const { newestMs, spreadMs } = this.#times()
    const made: EventMade[] = []
    for (let i = 0; i < events; i++) {
      const timeMs = newestMs - Math.floor(next() * spreadMs)
      made.push(next() < 0.002 ? this.#connection(timeMs) : this.#request(timeMs))
    }
    return made
  }

  #times(): { readonly newestMs: number; readonly spreadMs: number } {
    const { next, now, startMs } = this.#options
    const kind = next()
    const nowMs = now()
    if (kind < 0.01) {
      const age = OLD_AGES_MS[Math.floor(next() * OLD_AGES_MS.length)]!
      return { newestMs: startMs - age, spreadMs: 15_000 }
    }
    if (kind < 0.04) return { newestMs: nowMs - Math.floor(next() * 4 * MINUTE), spreadMs: 3_000 }
    return { newestMs: nowMs, spreadMs: next() < 0.1 ? 12_000 : 1_000 }
  }

  #request(timeMs: number): EventMade {
    const { next } = this.#options
    const call = this.#call()
    const outcomes = call.grpc ? GRPC_OUTCOMES : OUTCOMES
    return {
      kind: 'request',
      call,
      timeMs,
      path: call.path.of(Math.floor(next() * 40)),
      outcome: next() < 0.9 ? outcomes[0]! : outcomes[Math.floor(next() * outcomes.length)]!,
      // From microseconds to seconds, with some that take no time at all.
      latencyMicros: next() < 0.01 ? 0 : Math.floor(Math.exp(14 * next())),
      requestBytes: Math.floor(next() * 2000),
      responseBytes: Math.floor(next() * 20_000),
    }
  }

  #connection(timeMs: number): EventMade {
    const { next } = this.#options
    const upTo = (most: number) => Math.floor(next() * most)
    return {
      kind: 'connection',
      call: this.#call(),
      timeMs,
      open: upTo(50),
      opened: upTo(20),
      closed: upTo(20),
      readBytes: upTo(100_000),
      writtenBytes: upTo(100_000),
    }
  }

  #call(): Call {
    const { calls, next } = this.#options
    return calls[Math.floor(next() * calls.length)]!
  }
}
