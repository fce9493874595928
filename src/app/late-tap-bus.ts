import { type TapBus, TapBusError, type TapFrame, type TapRegistration } from '../tap/tap-bus.ts'
import type { Opening } from './opening.ts'

/** A tap bus that may not be there yet: until it is, it is unavailable. */
export class LateTapBus implements TapBus {
  readonly #opening: Opening<TapBus>

  constructor(opening: Opening<TapBus>) {
    this.#opening = opening
  }

  async register(tap: TapRegistration, ttlMs: number): Promise<void> {
    await this.#bus().register(tap, ttlMs)
  }

  async unregister(id: string): Promise<void> {
    await this.#bus().unregister(id)
  }

  async watch(listener: (taps: readonly TapRegistration[]) => void): Promise<() => void> {
    return this.#bus().watch(listener)
  }

  async publish(tapId: string, frame: TapFrame): Promise<void> {
    await this.#bus().publish(tapId, frame)
  }

  async subscribe(tapId: string, listener: (frame: TapFrame) => void): Promise<() => Promise<void>> {
    return this.#bus().subscribe(tapId, listener)
  }

  close(): Promise<void> {
    return this.#opening.close()
  }

  #bus(): TapBus {
    const { current, reason } = this.#opening
    if (current === undefined) throw new TapBusError('TAP_BUS_UNAVAILABLE', reason)
    return current
  }
}
