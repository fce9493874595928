import type { ByteLease } from '../byte-budget.ts'

/** A message that a call has received, and its share of the budget. */
export class Message {
  readonly #bytes: Buffer
  readonly #lease: ByteLease | undefined
  readonly #onRelease: () => void
  #isTaken = false
  #isReleased = false

  /** `onRelease` is told, once, that it is done with. */
  constructor(bytes: Buffer, lease: ByteLease | undefined, onRelease: () => void = () => undefined) {
    this.#bytes = bytes
    this.#lease = lease
    this.#onRelease = onRelease
  }

  /** The bytes, for a handler that releases them when it is done. */
  take(): Buffer {
    this.#isTaken = true
    return this.#bytes
  }

  /** Gives its share back. Idempotent. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#lease?.release()
    this.#onRelease()
  }

  /** Releases what no handler has taken, as its call has ended. */
  discard(): void {
    if (!this.#isTaken) this.release()
  }
}
