import { OVERFLOW } from './series.ts'
import type { OutcomeKey } from './stat-block.ts'

/** Distinct outcomes kept apart in one rollup; beyond them only the classification is. */
const MAX_OUTCOMES = 4096

/** Counts by (slot, outcome): a short list a slot, since nearly every series ends in one of two or three ways. */
export class OutcomeCounts {
  readonly outcomes: OutcomeKey[] = []
  readonly #byKey = new Map<string, number>()
  /** First cell of each slot plus one; 0 where it has none. */
  #heads = new Int32Array(16)
  #next = new Int32Array(64)
  #outcome = new Int32Array(64)
  #counts = new Float64Array(64)
  #used = 0

  reserve(slots: number): void {
    if (slots <= this.#heads.length) return
    const heads = new Int32Array(Math.max(slots, this.#heads.length * 2))
    heads.set(this.#heads)
    this.#heads = heads
  }

  /** Number of an outcome in `outcomes`. */
  index(key: OutcomeKey): number {
    const id = `${key.status}/${key.grpcStatus}/${key.classification}/${key.reason}`
    const known = this.#byKey.get(id)
    if (known !== undefined) return known
    const { classification } = key
    const isOverflow = key.reason === OVERFLOW && key.status === -1 && key.grpcStatus === -1
    if (this.outcomes.length >= MAX_OUTCOMES && !isOverflow) {
      return this.index({ status: -1, grpcStatus: -1, classification, reason: OVERFLOW })
    }
    this.#byKey.set(id, this.outcomes.length)
    return this.outcomes.push(key) - 1
  }

  add(slot: number, outcome: number, count: number): void {
    let cell = this.#heads[slot]!
    while (cell !== 0 && this.#outcome[cell - 1] !== outcome) cell = this.#next[cell - 1]!
    if (cell === 0) cell = this.#newCell(slot, outcome)
    this.#counts[cell - 1]! += count
  }

  cells(slot: number): number {
    let cells = 0
    for (let cell = this.#heads[slot]!; cell !== 0; cell = this.#next[cell - 1]!) cells++
    return cells
  }

  /** Writes a slot's cells from place `at` of both columns; answers the place after the last. */
  copy(slot: number, index: Uint32Array, count: Float64Array, at: number): number {
    for (let cell = this.#heads[slot]!; cell !== 0; cell = this.#next[cell - 1]!) {
      index[at] = this.#outcome[cell - 1]!
      count[at++] = this.#counts[cell - 1]!
    }
    return at
  }

  #newCell(slot: number, outcome: number): number {
    if (this.#used === this.#counts.length) {
      const length = this.#used * 2
      const next = new Int32Array(length)
      next.set(this.#next)
      this.#next = next
      const outcomes = new Int32Array(length)
      outcomes.set(this.#outcome)
      this.#outcome = outcomes
      const counts = new Float64Array(length)
      counts.set(this.#counts)
      this.#counts = counts
    }
    const cell = ++this.#used
    this.#outcome[cell - 1] = outcome
    this.#next[cell - 1] = this.#heads[slot]!
    this.#heads[slot] = cell
    return cell
  }
}
