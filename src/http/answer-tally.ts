/** A class of status codes, as `5xx`. */
export type StatusClass = '1xx' | '2xx' | '3xx' | '4xx' | '5xx'

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const satisfies readonly StatusClass[]

export interface AnswerCount {
  readonly of: string
  readonly statusClass: StatusClass
  readonly count: number
}

/** Counts answers by what they are of and by the class of their status. What they are of must be few words. */
export class AnswerTally {
  readonly #counts = new Map<string, number[]>()

  add(of: string, status: number): void {
    let counts = this.#counts.get(of)
    if (counts === undefined) this.#counts.set(of, (counts = [0, 0, 0, 0, 0]))
    counts[Math.min(5, Math.max(1, Math.floor(status / 100))) - 1]!++
  }

  /** Those that there were. */
  *counts(): Generator<AnswerCount> {
    for (const [of, counts] of this.#counts) {
      for (const [i, statusClass] of CLASSES.entries()) {
        if (counts[i]! > 0) yield { of, statusClass, count: counts[i]! }
      }
    }
  }
}
