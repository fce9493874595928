import type { TapTotals } from './follow-tap.ts'

/** Least time between two notes about events that were dropped. */
const PERIOD_MS = 5000

/** Says while a tap runs what it does not show: at most a line every few seconds. */
export class TapNotes {
  readonly #maxRps: string
  readonly #note: (line: string) => void
  #dropped = 0
  #unprinted = 0
  #saidMs = -PERIOD_MS
  #saidSampled = false

  constructor(maxRps: string, note: (line: string) => void) {
    this.#maxRps = maxRps
    this.#note = note
  }

  /** `unprinted` are the events that the output did not take. */
  update({ dropped, sampledOut }: TapTotals, unprinted: number, nowMs: number): void {
    if (sampledOut > 0 && !this.#saidSampled) {
      this.#saidSampled = true
      this.#note(
        `more than ${this.#maxRps} events a second match: what is shown is an even sample of them (see --max-rps)`,
      )
    }
    if (nowMs - this.#saidMs < PERIOD_MS) return
    if (dropped > this.#dropped) {
      this.#note(
        `${dropped} events dropped so far: they come faster than they are read here, or were lost on the way to the gateway`,
      )
    }
    if (unprinted > this.#unprinted) {
      this.#note(`${unprinted} events not printed so far: the output takes them more slowly than they come`)
    }
    if (dropped > this.#dropped || unprinted > this.#unprinted) this.#saidMs = nowMs
    this.#dropped = dropped
    this.#unprinted = unprinted
  }
}

/** The last line of a tap. */
export function tapSummary(totals: TapTotals, unprinted: number): string {
  const { seen, matched, sent, dropped, sampledOut } = totals
  const more = unprinted === 0 ? '' : `, not printed ${unprinted}`
  return `seen ${seen}, matched ${matched}, sent ${sent}, dropped ${dropped}, sampled out ${sampledOut}${more}`
}
