/**
 * Bounds the bytes of all bodies that are being handled: read, decoded, or on their way into the log.
 *
 * When the log falls behind, bodies stay, the budget runs out, and new ones are refused instead of piling up.
 */
export class ByteBudget {
  readonly limit: number
  #used = 0

  constructor(limit: number) {
    if (!(limit > 0)) throw new RangeError(`a byte budget must be positive, not ${limit}`)
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  /** A share of the budget for one body, empty at first. */
  lease(): ByteLease {
    return new ByteLease((bytes) => {
      if (this.#used + bytes > this.limit) return false
      this.#used += bytes
      return true
    })
  }
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
    this.#change(-this.#held)
    this.#held = 0
  }
}
