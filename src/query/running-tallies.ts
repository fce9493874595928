import { RunningTally, type Tallied, tallyBytes } from './running-tally.ts'
import type { StatColumns } from './stat-columns.ts'
import { type Tally, tally } from './tally.ts'

/** Rows that only past answers had before a tally is made anew without them, beside as many as there are now. */
const SPARE_ROWS = 1000

/** A question not asked for this long makes room for others. */
const IDLE_MS = 30_000

/** Most of the bound that one question may take. */
const LARGEST = 1 / 2

export interface TallyStats {
  /** Questions whose counts are kept. */
  readonly questions: number
  readonly bytes: number
  /** Questions forgotten to make room for others. */
  readonly evictions: number
  /** Answers whose counts were not kept, as there was no room. */
  readonly declined: number
}

export interface TalliesOptions {
  readonly maxBytes: number
  /** Whether a block may stay in tallies; when it may not any more, `forget` must be called with it. */
  readonly isKept: (block: StatColumns) => boolean
  /** Epoch milliseconds. */
  readonly now: () => number
}

interface Kept {
  readonly running: RunningTally
  readonly bytes: number
  readonly askedMs: number
}

/**
 * Running tallies by question, bounded by bytes. A question for which there is no room takes that of questions nobody
 * asked for half a minute, those asked longest ago first. Where these are not enough its answers are added up from
 * their blocks: questions that are all asked again and again must not keep making room for each other, for beginning a
 * tally costs twice what adding up does.
 */
export class RunningTallies {
  readonly #options: TalliesOptions
  /** In the order in which they were last asked. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0
  #evictions = 0
  #declined = 0

  constructor(options: TalliesOptions) {
    this.#options = options
  }

  get stats(): TallyStats {
    const { size: questions } = this.#kept
    return { questions, bytes: this.#bytes, evictions: this.#evictions, declined: this.#declined }
  }

  /** What `tally` of the same would give. The same `question` should be the same rows of the same span of time. */
  tally(question: string, tallied: Tallied): Tally {
    const { maxBytes, isKept, now } = this.#options
    const known = this.#drop(question)?.running
    if (!this.#makeRoom(tallyBytes(tallied))) {
      this.#declined++
      return tally(tallied.blocks, tallied.slotOf, tallied.labels.length)
    }
    const isUsable = known?.table === tallied.table && known.rows <= 2 * tallied.labels.length + SPARE_ROWS
    const running = isUsable ? known : new RunningTally(tallied.table)
    const answer = running.update(tallied, isKept)
    const { bytes } = running
    // Rows of past answers may take it beyond what it needs: then it is begun anew without them.
    if (this.#bytes + bytes > maxBytes) {
      this.#evictions++
      return answer
    }
    this.#kept.set(question, { running, bytes, askedMs: now() })
    this.#bytes += bytes
    return answer
  }

  /** Takes a block out of all tallies. */
  forget(block: StatColumns): void {
    for (const { running } of this.#kept.values()) running.forget(block)
  }

  clear(): void {
    this.#evictions += this.#kept.size
    this.#kept.clear()
    this.#bytes = 0
  }

  /** Whether there is room for so many bytes, after the idle were forgotten as far as needed. */
  #makeRoom(bytes: number): boolean {
    const { maxBytes, now } = this.#options
    if (bytes > LARGEST * maxBytes) return false
    const idleMs = now() - IDLE_MS
    for (const [question, { askedMs }] of this.#kept) {
      if (this.#bytes + bytes <= maxBytes || askedMs > idleMs) break
      this.#drop(question)
      this.#evictions++
    }
    return this.#bytes + bytes <= maxBytes
  }

  #drop(question: string): Kept | undefined {
    const kept = this.#kept.get(question)
    if (kept === undefined) return undefined
    this.#kept.delete(question)
    this.#bytes -= kept.bytes
    return kept
  }
}
