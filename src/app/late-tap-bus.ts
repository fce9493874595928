import { type TapBus, TapBusError, type TapFrame, type TapRegistration } from '../tap/tap-bus.ts'
import { type Opening, persist } from './opening.ts'

/** A tap bus that may not be there yet: until it is, it is unavailable, and who watches hears of no taps. */
export class LateTapBus implements TapBus {
  readonly #opening: Opening<TapBus>

  readonly #onTrouble: (message: string) => void

  /** `onTrouble` is told why taps that are watched do not come. */
  constructor(opening: Opening<TapBus>, onTrouble: (message: string) => void) {
    this.#opening = opening
    this.#onTrouble = onTrouble
  }

  async register(tap: TapRegistration, ttlMs: number): Promise<void> {
    await this.#bus().register(tap, ttlMs)
  }

  async unregister(id: string): Promise<void> {
    await this.#bus().unregister(id)
  }

  async watch(listener: (taps: readonly TapRegistration[]) => void): Promise<() => void> {
    const { current, opened, signal } = this.#opening
    if (current !== undefined) return current.watch(listener)
    const gone = new AbortController()
    const either = AbortSignal.any([signal, gone.signal])
    const watch = async () => {
      const bus = await opened
      const unwatch =
        bus && (await persist(() => bus.watch(listener), { signal: either, onTrouble: this.#onTrouble }))
      if (gone.signal.aborted) unwatch?.()
      else gone.signal.addEventListener('abort', () => unwatch?.())
    }
    watch().catch((error: unknown) => this.#onTrouble(String(error)))
    return () => gone.abort()
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
