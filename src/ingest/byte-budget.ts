/**
 * Bounds the bytes of all bodies that are being handled: read, decoded, or on their way into the log.
 *
 * When the log falls behind, bodies stay, the budget runs out, and new ones are refused, or wait unread, instead of
 * piling up.
 */
export class ByteBudget {
  readonly limit: number
  #used = 0
  /** Who waits for a share, the first one first. As many as there are streams that send. */
  readonly #waiting: Waiting[] = []

  constructor(limit: number) {
    if (!(limit > 0)) throw new RangeError(`a byte budget must be positive, not ${limit}`)
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  /** How many wait for a share. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** A share of the budget for one body, empty at first. */
  lease(): ByteLease {
    return new ByteLease((bytes) => {
      if (this.#used + bytes > this.limit) return false
      this.#used += bytes
      if (bytes < 0) this.#admit()
      return true
    })
  }

  /**
   * Calls `take` with a share of `bytes`, which are at most the limit, as soon as there is one: at once, where nobody waits
   * and there is room. What is returned ends the wait.
   */
  whenFree(bytes: number, take: (lease: ByteLease) => void): () => void {
    const waiting: Waiting = { bytes, take }
    this.#waiting.push(waiting)
    this.#admit()
    return () => {
      const at = this.#waiting.indexOf(waiting)
      if (at >= 0) this.#waiting.splice(at, 1)
      if (at === 0) this.#admit()
    }
  }

  #admit(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const lease = this.lease()
      if (!lease.growTo(first.bytes)) return
      this.#waiting.shift()
      first.take(lease)
    }
  }
}

interface Waiting {
  readonly bytes: number
  readonly take: (lease: ByteLease) => void
}

export class ByteLease {
  readonly #change: (bytes: number) => boolean
  #held = 0

  constructor(change: (bytes: number) => boolean) {
    this.#change = change
  }

  /** Makes the share hold at least `bytes`; false, and no change, where the budget does not allow it. */
  growTo(bytes: number): boolean {
    if (bytes <= this.#held) return true
    if (!this.#change(bytes - this.#held)) return false
    this.#held = bytes
    return true
  }

  /** Gives the share back. Idempotent. */
  release(): void {
    const held = this.#held
    this.#held = 0
    this.#change(-held)
  }
}
