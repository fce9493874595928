import { RunningTally, type Tallied, tallyBytes } from './running-tally.ts'
import type { StatColumns } from './stat-columns.ts'
import { type Tally, tally } from './tally.ts'

/** Rows that only past answers had before a tally is made anew without them, beside as many as there are now. */
const SPARE_ROWS = 1000

export interface TallyStats {
  /** Questions whose counts are kept. */
  readonly questions: number
  readonly bytes: number
  /** Questions forgotten to keep to the bound. */
  readonly evictions: number
  /** Answers too large to keep the counts of. */
  readonly declined: number
}

/**
 * Running tallies by question, bounded by bytes: those asked longest ago go first. An answer that would take more than
 * the whole bound is added up from its blocks and not kept.
 */
export class RunningTallies {
  readonly #maxBytes: number
  readonly #isKept: (block: StatColumns) => boolean
  /** In the order in which they were last asked. */
  readonly #tallies = new Map<string, RunningTally>()
  #bytes = 0
  #evictions = 0
  #declined = 0

  /** Blocks may stay in tallies while they are `isKept`; afterwards `forget` must be called with them. */
  constructor(maxBytes: number, isKept: (block: StatColumns) => boolean) {
    this.#maxBytes = maxBytes
    this.#isKept = isKept
  }

  get stats(): TallyStats {
    const { size: questions } = this.#tallies
    return { questions, bytes: this.#bytes, evictions: this.#evictions, declined: this.#declined }
  }

  /** What `tally` of the same would give. The same `question` should be the same rows of the same span of time. */
  tally(question: string, tallied: Tallied): Tally {
    if (tallyBytes(tallied) > this.#maxBytes) {
      this.#declined++
      this.#drop(question)
      return tally(tallied.blocks, tallied.slotOf, tallied.labels.length)
    }
    const known = this.#drop(question)
    const isUsable = known?.table === tallied.table && known.rows <= 2 * tallied.labels.length + SPARE_ROWS
    const running = isUsable ? known : new RunningTally(tallied.table)
    const answer = running.update(tallied, this.#isKept)
    this.#tallies.set(question, running)
    this.#bytes += running.bytes
    for (const oldest of this.#tallies.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest)
      this.#evictions++
    }
    return answer
  }

  /** Takes a block out of all tallies. */
  forget(block: StatColumns): void {
    for (const running of this.#tallies.values()) running.forget(block)
  }

  clear(): void {
    this.#evictions += this.#tallies.size
    this.#tallies.clear()
    this.#bytes = 0
  }

  #drop(question: string): RunningTally | undefined {
    const running = this.#tallies.get(question)
    if (running === undefined) return undefined
    this.#tallies.delete(question)
    this.#bytes -= running.bytes
    return running
  }
}
