/** How many events there were at which time, over the last two spans. */
export class SpanCounts {
  readonly #spanMs: number
  /** In order of time, none of them 0. */
  #counts: { readonly timeMs: number; count: number }[] = []

  constructor(spanMs: number) {
    this.#spanMs = spanMs
  }

  add(timeMs: number, count: number): void {
    if (count === 0) return
    let at = this.#counts.length
    while (at > 0 && this.#counts[at - 1]!.timeMs > timeMs) at--
    const same = this.#counts[at - 1]
    if (same?.timeMs === timeMs) same.count += count
    else this.#counts.splice(at, 0, { timeMs, count })
  }

  /** The most there were within any one span that a time is part of. */
  mostAround(timeMs: number): number {
    const counts = this.#counts
    const span = this.#spanMs
    let most = 0
    let sum = 0
    let from = 0
    // Each span that is worth looking at ends with a count.
    for (const { timeMs: endMs, count } of counts) {
      if (endMs >= timeMs + span) break
      sum += count
      while (counts[from]!.timeMs <= endMs - span || counts[from]!.timeMs <= timeMs - span) {
        sum -= counts[from++]!.count
        if (from === counts.length) return most
      }
      most = Math.max(most, sum)
    }
    return most
  }

  /** Forgets what no span of an undecided event can hold any more. */
  forget(nowMs: number): void {
    const oldest = nowMs - 2 * this.#spanMs
    let old = 0
    while (old < this.#counts.length && this.#counts[old]!.timeMs < oldest) old++
    this.#counts.splice(0, old)
  }
}
