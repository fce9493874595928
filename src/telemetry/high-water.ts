/** Keys remembered; there are fewer partitions, and it stays bounded should there be more. */
const MAX_KEYS = 10_000

/**
 * Makes counters of counts that may fall a little. A partition's counts do, when what was folded and not committed has to
 * be folded anew; Prometheus would take that for a counter that began at 0, and count all of it again.
 */
export class HighWater {
  readonly #highest = new Map<string, number>()

  /**
   * The highest count of a key so far. One that falls below half of it has begun anew, as that of a topic or a store that
   * was made anew has.
   */
  of(key: string, count: number): number {
    const highest = this.#highest.get(key) ?? 0
    const shown = count < highest / 2 ? count : Math.max(count, highest)
    if (this.#highest.size >= MAX_KEYS && !this.#highest.has(key)) this.#highest.clear()
    this.#highest.set(key, shown)
    return shown
  }
}
