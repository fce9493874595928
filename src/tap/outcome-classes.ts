import { type Classification, classify, type ClassificationRules } from '../event/classification.ts'
import type { Dictionary } from '../event/dictionary.ts'

/** What taps can tell outcomes apart by: there may be many, with a reason each, but there are few of these. */
export interface OutcomeClass {
  /** HTTP status, -1 where there is none. */
  readonly status: number
  readonly classification: Classification
}

/** The classes that the outcomes of one dictionary fall into, numbered from 0. */
export class OutcomeClasses {
  readonly #dictionary: Dictionary
  readonly #rules: ClassificationRules
  readonly #numbers = new Map<number, number>()
  #known = 0
  /** Number of an outcome's class, for all outcomes that there were at the last `prepare`. */
  ofOutcome = new Int32Array(0)
  /** By number. */
  readonly classes: OutcomeClass[] = []

  constructor(dictionary: Dictionary, rules: ClassificationRules) {
    this.#dictionary = dictionary
    this.#rules = rules
  }

  /** Classes the outcomes that are new in the dictionary. */
  prepare(): void {
    const { outcomeCount } = this.#dictionary
    if (outcomeCount > this.ofOutcome.length) {
      const larger = new Int32Array(Math.max(64, outcomeCount * 2))
      larger.set(this.ofOutcome)
      this.ofOutcome = larger
    }
    for (; this.#known < outcomeCount; this.#known++) this.ofOutcome[this.#known] = this.#classOf(this.#known)
  }

  #classOf(outcome: number): number {
    const status = this.#dictionary.outcomeStatus(outcome)
    const grpcStatus = this.#dictionary.outcomeGrpcStatus(outcome)
    const classification = classify(status, grpcStatus, this.#dictionary.outcomeReset(outcome), this.#rules)
    const key = 2 * status + (classification === 'failure' ? 1 : 0)
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.classes.push({ status, classification }) - 1
      this.#numbers.set(key, number)
    }
    return number
  }
}
