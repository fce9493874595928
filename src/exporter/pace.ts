import { setImmediate } from 'node:timers/promises'

/** How long work goes on before others get a turn. What is done in one go takes about a millisecond besides. */
const SLICE_MS = 1

/** Long work in slices, between which the process does what else it has to do. */
export class Pace {
  #began = performance.now()

  /** Runs all steps of some work. */
  async run<T>(steps: Generator<undefined, T>): Promise<T> {
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value
      await this.rest()
    }
  }

  /** Rests, if the slice is over. */
  async rest(): Promise<void> {
    if (!this.isOver) return
    await setImmediate()
    this.#began = performance.now()
  }

  get isOver(): boolean {
    return performance.now() - this.#began > SLICE_MS
  }
}
