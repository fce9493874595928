import type { Prioritized } from './lowest.ts'

/** Something that came at a time, as long as that is within the span. */
export interface Ranked<T> extends Prioritized {
  readonly timeMs: number
  /** Undefined where only its place counts. */
  item: T | undefined
}

/** The lowest priorities among all that came within a span of time up to now. */
export class Trailing<T> {
  readonly #capacity: number
  readonly #spanMs: number
  /** In order of priority. */
  #ranked: Ranked<T>[] = []

  constructor(capacity: number, spanMs: number) {
    this.#capacity = capacity
    this.#spanMs = spanMs
  }

  /** In order of priority. */
  get all(): readonly Ranked<T>[] {
    return this.#ranked
  }

  /** Priorities from here up are not among the lowest `count`, as far as is remembered. */
  thresholdOf(count: number): number {
    return this.#ranked.length < count ? Number.POSITIVE_INFINITY : this.#ranked.at(-1)!.priority
  }

  /** Takes in what came, in order of priority; answers what has no place, of old and new. */
  add(more: readonly Ranked<T>[]): Ranked<T>[] {
    if (more.length === 0) return []
    const before = this.#ranked
    const merged: Ranked<T>[] = []
    let i = 0
    for (const ranked of more) {
      while (i < before.length && before[i]!.priority <= ranked.priority) merged.push(before[i++]!)
      merged.push(ranked)
    }
    while (i < before.length) merged.push(before[i++]!)
    this.#ranked = merged
    return merged.splice(this.#capacity)
  }

  /** Takes out what is older than the span at a time. */
  expire(nowMs: number): Ranked<T>[] {
    const isOld = ({ timeMs }: Ranked<T>) => nowMs - timeMs >= this.#spanMs
    if (!this.#ranked.some(isOld)) return []
    const expired = this.#ranked.filter(isOld)
    this.#ranked = this.#ranked.filter((ranked) => !isOld(ranked))
    return expired
  }

  /** Takes out everything. */
  drain(): Ranked<T>[] {
    return this.#ranked.splice(0)
  }
}
