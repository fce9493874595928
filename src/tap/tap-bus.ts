import type { RequestEvent } from '../event/event.ts'
import type { TapQuery } from './tap-query.ts'

export interface TapRegistration {
  readonly id: string
  readonly query: TapQuery
}

/** A record of the log. */
export interface RecordPlace {
  /** `<topic>-<number>` */
  readonly partition: string
  readonly offset: number
}

/** The record that an event is of, and which of its requests it is. */
export interface EventPlace extends RecordPlace {
  readonly index: number
}

/** Records of a partition: offsets from `from` up to but without `to`. */
export interface EvaluatedRange {
  readonly partition: string
  readonly from: number
  readonly to: number
}

/** A matching event with the random priority that decides who stays when there are more than `maxRps`. */
export interface TapCandidate {
  /** Uniform in [0, 1); the lowest stay. */
  readonly priority: number
  readonly event: RequestEvent
  /** Left out where the worker does not know. */
  readonly place?: EventPlace
}

/**
 * What one worker saw for one tap since its last frame, or since the last that came through where some were lost:
 * `seen >= matched >= candidates.length + (lost ?? 0)`.
 */
export interface TapFrame {
  /** Events that the worker folded while the tap was registered. */
  readonly seen: number
  /** Of those, how many match the query. */
  readonly matched: number
  /**
   * The ones with the lowest priorities, so many that who hears several workers can choose as if it heard of all. The
   * others of `matched` are left out.
   */
  readonly candidates: readonly TapCandidate[]
  /**
   * How many more there would be, had all of them come through. Told by the bus where it can tell, never by who
   * publishes: the counts of a lost frame come with the next one of the same worker.
   */
  readonly lost?: number
  /**
   * The records that the worker evaluated since its last frame, as far as it knows: all candidates are of these. What another
   * worker evaluated before, as one that died did, is told by where they begin.
   */
  readonly ranges?: readonly EvaluatedRange[]
}

/**
 * Carries taps from gateways to workers and frames back: Redis, or inside the process.
 *
 * - There is a limit to registrations, past which `register` of a new id rejects with `TAP_LIMIT`.
 * - Registrations expire `ttlMs` after the last `register` of their id, so a gateway that dies leaves nothing behind.
 * - `watch` pushes the whole set: at once, then on every change. A worker evaluates exactly that set.
 * - Listeners do not throw.
 * - Delivery of frames is at most once: a frame without subscriber, or over a broken connection, is gone. Frames of one
 *   publisher arrive in order. A bus may hand one frame on as several, whose counts add up to the same.
 * - Failures reject with a `TapBusError`. `close` is idempotent.
 */
export interface TapBus {
  register(tap: TapRegistration, ttlMs: number): Promise<void>
  unregister(id: string): Promise<void>
  watch(listener: (taps: readonly TapRegistration[]) => void): Promise<() => void>
  publish(tapId: string, frame: TapFrame): Promise<void>
  subscribe(tapId: string, listener: (frame: TapFrame) => void): Promise<() => Promise<void>>
  close(): Promise<void>
}

export type TapBusErrorCode = 'TAP_BUS_UNAVAILABLE' | 'TAP_BUS_CLOSED' | 'TAP_LIMIT'

/** An operational failure of a tap bus. */
export class TapBusError extends Error {
  readonly code: TapBusErrorCode

  constructor(code: TapBusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'TapBusError'
    this.code = code
  }
}
