import { cpus } from 'node:os'

/** One measured figure. */
export interface Figure {
  readonly figure: string
  readonly value: number
  readonly unit: string
  /** What it should be, where there is a bar: `>= 5` reads "at least 5". */
  readonly bar?: string
}

/** Prints a figure as one JSON line, with the machine and the Node version beside it. */
export function report({ figure, value, unit, bar }: Figure): void {
  const rounded = Number(value.toPrecision(4))
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown'}`
  process.stdout.write(
    `${JSON.stringify({ figure, value: rounded, unit, ...(bar === undefined ? {} : { bar }), node: process.version, machine })}\n`,
  )
}

/**
 * Runs `work`, which answers how many units it did, again and again for a while, and answers the best units a second
 * of several rounds: the machines are noisy, and noise only slows.
 */
export function bestPerSecond(work: () => number, rounds = 7, roundMs = 400): number {
  let best = 0
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    let units = 0
    let now = start
    do {
      units += work()
      now = performance.now()
    } while (now - start < roundMs)
    best = Math.max(best, (units / (now - start)) * 1000)
  }
  return best
}

/** The `q`-quantile of a sample by nearest rank. */
export function quantile(sample: readonly number[], q: number): number {
  const sorted = sample.toSorted((a, b) => a - b)
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN
}
