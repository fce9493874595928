import { formatTapQuery } from '../format-tap-query.ts'
import { type TapBus, TapBusError, type TapFrame, type TapRegistration } from '../tap-bus.ts'
import * as timers from '../timers.ts'

export interface LocalTapBusOptions {
  /** Registrations at a time. */
  readonly maxTaps?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
  readonly after?: timers.After
}

type FrameListener = (frame: TapFrame) => void
type TapsListener = (taps: readonly TapRegistration[]) => void

interface Registered {
  readonly tap: TapRegistration
  readonly text: string
  expiresMs: number
}

const DEFAULT_MAX_TAPS = 1000

/** Carries taps inside one process. Frames and changes are delivered before `publish` and `register` answer. */
export class LocalTapBus implements TapBus {
  readonly #maxTaps: number
  readonly #now: () => number
  readonly #after: timers.After
  readonly #taps = new Map<string, Registered>()
  readonly #watchers = new Set<{ readonly tell: TapsListener }>()
  readonly #subscribers = new Map<string, Set<{ readonly tell: FrameListener }>>()
  #cancelExpiry: (() => void) | undefined
  #isClosed = false

  constructor({ maxTaps, now, after }: LocalTapBusOptions = {}) {
    this.#maxTaps = maxTaps ?? DEFAULT_MAX_TAPS
    this.#now = now ?? Date.now
    this.#after = after ?? timers.after
  }

  async register(tap: TapRegistration, ttlMs: number): Promise<void> {
    this.#checkOpen()
    const text = formatTapQuery(tap.query)
    const expiresMs = this.#now() + ttlMs
    const known = this.#taps.get(tap.id)
    if (known === undefined && this.#taps.size >= this.#maxTaps) {
      throw new TapBusError(
        'TAP_LIMIT',
        `there are ${this.#taps.size} taps already, as many as are allowed at a time`,
      )
    }
    if (known?.text === text) {
      known.expiresMs = expiresMs
    } else {
      this.#taps.set(tap.id, { tap, text, expiresMs })
      this.#tellWatchers()
    }
    this.#expireInTime()
  }

  async unregister(id: string): Promise<void> {
    this.#checkOpen()
    if (!this.#taps.delete(id)) return
    this.#tellWatchers()
    this.#expireInTime()
  }

  async watch(listener: TapsListener): Promise<() => void> {
    this.#checkOpen()
    const watcher = { tell: listener }
    this.#watchers.add(watcher)
    listener(this.#registrations())
    return () => void this.#watchers.delete(watcher)
  }

  async publish(tapId: string, frame: TapFrame): Promise<void> {
    this.#checkOpen()
    for (const { tell } of this.#subscribers.get(tapId) ?? []) tell(frame)
  }

  async subscribe(tapId: string, listener: FrameListener): Promise<() => Promise<void>> {
    this.#checkOpen()
    const subscriber = { tell: listener }
    const there = this.#subscribers.get(tapId)
    if (there === undefined) this.#subscribers.set(tapId, new Set([subscriber]))
    else there.add(subscriber)
    return async () => {
      const subscribers = this.#subscribers.get(tapId)
      subscribers?.delete(subscriber)
      if (subscribers?.size === 0) this.#subscribers.delete(tapId)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelExpiry?.()
    this.#taps.clear()
    this.#watchers.clear()
    this.#subscribers.clear()
  }

  #registrations(): readonly TapRegistration[] {
    return [...this.#taps.values()].map(({ tap }) => tap)
  }

  #tellWatchers(): void {
    const taps = this.#registrations()
    for (const { tell } of this.#watchers) tell(taps)
  }

  /** Waits for the registration that expires first. */
  #expireInTime(): void {
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    const next = Math.min(...[...this.#taps.values()].map(({ expiresMs }) => expiresMs))
    if (this.#taps.size === 0) return
    this.#cancelExpiry = this.#after(Math.max(1, next - this.#now()), () => this.#expire())
  }

  #expire(): void {
    const nowMs = this.#now()
    const before = this.#taps.size
    for (const [id, { expiresMs }] of this.#taps) if (expiresMs <= nowMs) this.#taps.delete(id)
    if (this.#taps.size < before) this.#tellWatchers()
    this.#expireInTime()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new TapBusError('TAP_BUS_CLOSED', 'the tap bus is closed')
  }
}
