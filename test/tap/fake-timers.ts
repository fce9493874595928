import type { After, Every } from '../../src/tap/timers.ts'

interface Timer {
  dueMs: number
  readonly everyMs: number | undefined
  readonly callback: () => void
}

/** A clock that only moves when told, and timers that go by it. */
export class FakeTimers {
  #nowMs: number
  readonly #timers = new Set<Timer>()

  /** Begins at a whole second, so that windows are easy to tell. */
  constructor(nowMs = 1_763_978_400_000) {
    this.#nowMs = nowMs
  }

  readonly now = (): number => this.#nowMs

  readonly after: After = (ms, callback) => this.#start(ms, undefined, callback)

  readonly every: Every = (ms, callback) => this.#start(ms, ms, callback)

  /** Timers that are running. */
  get running(): number {
    return this.#timers.size
  }

  /** Passes time, calling back what comes due, in order; between the calls, promises go on. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settled()
    for (;;) {
      const [next] = [...this.#timers].filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)
      if (next === undefined) break
      this.#nowMs = next.dueMs
      if (next.everyMs === undefined) this.#timers.delete(next)
      else next.dueMs += next.everyMs
      next.callback()
      await settled()
    }
    this.#nowMs = endMs
  }

  #start(ms: number, everyMs: number | undefined, callback: () => void): () => void {
    const timer: Timer = { dueMs: this.#nowMs + ms, everyMs, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }
}

/** After all that promises can do by themselves. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
