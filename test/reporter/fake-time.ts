import type { After } from '../../src/reporter/timers.ts'

/** Time that passes only when told to. */
export class FakeTime {
  nowMs = 1_000_000
  #timers: { readonly atMs: number; readonly callback: () => void }[] = []

  readonly now = (): number => this.nowMs

  readonly after: After = (ms, callback) => {
    const timer = { atMs: this.nowMs + ms, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  /** Milliseconds until each timer that is set, the next first. */
  get waits(): readonly number[] {
    return this.#timers.map(({ atMs }) => atMs - this.nowMs).sort((a, b) => a - b)
  }

  /** Calls back what is due by then, in order, letting promises settle in between. */
  async pass(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    await settle()
    for (;;) {
      const next = this.#timers.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.nowMs = next.atMs
      next.callback()
      await settle()
    }
    this.nowMs = endMs
  }
}

/** Lets all promises that can settle without time passing settle. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
