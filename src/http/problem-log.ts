import type { FastifyBaseLogger } from 'fastify'
import { pathOf } from './path-of.ts'
import type { HttpProblem } from './problem.ts'

/** How often one code is logged at most. */
const INTERVAL_MS = 10_000

/** Codes told apart; there are fewer, and it stays bounded should there be more. */
const MAX_CODES = 100

interface Entry {
  nextMs: number
  suppressed: number
}

/** Logs problems that are the server's fault: each code at most every 10 s, with the number left out since. */
export class ProblemLog {
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()

  constructor(now: () => number) {
    this.#now = now
  }

  /** `url` is what was asked for, where a request was. */
  report(problem: HttpProblem, logger: FastifyBaseLogger, url?: string): void {
    const now = this.#now()
    const entry = this.#entries.get(problem.code) ?? { nextMs: 0, suppressed: 0 }
    if (now < entry.nextMs) {
      entry.suppressed++
      return
    }
    // Of the query nothing: tickets, tokens put there by mistake, and values of headers looked for are in it.
    const path = url === undefined ? {} : { url: pathOf(url) }
    const fields = { code: problem.code, ...path, suppressed: entry.suppressed }
    // What was foreseen says all in its message; for the rest one needs to see where it comes from.
    if (problem.status === 500) logger.error({ ...fields, err: problem.cause ?? problem }, problem.message)
    else logger.warn(fields, problem.message)
    if (this.#entries.size >= MAX_CODES) this.#entries.clear()
    this.#entries.set(problem.code, { nextMs: now + INTERVAL_MS, suppressed: 0 })
  }
}
