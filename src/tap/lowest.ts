/** Something with a random priority in [0, 1); of too many, the ones with the lowest stay. */
export interface Prioritized {
  readonly priority: number
}

/** Counts what several collections hold together, up to a limit. */
export class HeldBudget {
  readonly limit: number
  held = 0

  constructor(limit: number) {
    this.limit = limit
  }
}

/** Keeps the entries with the lowest priorities, as many as its capacity and the budget allow: a heap, highest on top. */
export class Lowest<T extends Prioritized> {
  readonly #heap: T[] = []
  readonly #capacity: number
  readonly #budget: HeldBudget

  constructor(capacity: number, budget = new HeldBudget(Number.POSITIVE_INFINITY)) {
    this.#capacity = capacity
    this.#budget = budget
  }

  get size(): number {
    return this.#heap.length
  }

  /** An entry would be kept if its priority is below this. */
  get bar(): number {
    return this.#hasRoom() ? Number.POSITIVE_INFINITY : (this.#heap[0]?.priority ?? 0)
  }

  /** Adds an entry; answers what there is no room for: nothing, the entry itself, or the highest of those before. */
  push(entry: T): T | undefined {
    const heap = this.#heap
    if (this.#hasRoom()) {
      this.#budget.held++
      heap.push(entry)
      this.#rise(heap.length - 1)
      return undefined
    }
    const highest = heap[0]
    if (highest === undefined || entry.priority >= highest.priority) return entry
    heap[0] = entry
    this.#sink()
    return highest
  }

  /** Takes all entries out, in order of priority. */
  drain(): T[] {
    const entries = this.#heap.splice(0).sort((a, b) => a.priority - b.priority)
    this.#budget.held -= entries.length
    return entries
  }

  #hasRoom(): boolean {
    return this.#heap.length < this.#capacity && this.#budget.held < this.#budget.limit
  }

  #rise(at: number): void {
    const heap = this.#heap
    const entry = heap[at]!
    while (at > 0) {
      const above = (at - 1) >> 1
      if (heap[above]!.priority >= entry.priority) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
  }

  #sink(): void {
    const heap = this.#heap
    const entry = heap[0]!
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.priority > heap[below]!.priority) below++
      if (heap[below]!.priority <= entry.priority) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = entry
  }
}
