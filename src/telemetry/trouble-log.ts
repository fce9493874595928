/** How often trouble of one kind is logged at most. */
const INTERVAL_MS = 5_000

/** Kinds told apart; there are fewer, and it stays bounded should there be more. */
const MAX_KINDS = 200

/** What is being tried again: a server that does not answer, a partition that another worker took. */
export interface Trouble {
  /** Stable word; trouble of one kind is logged once in a while, however often it comes. */
  readonly kind: string
  readonly message: string
  readonly partition?: string
}

interface Sink {
  warn(fields: object, message: string): void
}

/** Logs trouble: each kind at most every 5 s, with the number left out since. */
export class TroubleLog {
  readonly #sink: Sink
  readonly #now: () => number
  readonly #kinds = new Map<string, { loggedMs: number; suppressed: number }>()
  readonly #counts = new Map<string, number>()

  constructor(sink: Sink, now: () => number) {
    this.#sink = sink
    this.#now = now
  }

  /** A reporter of one part's trouble: its kinds are told apart from those of other parts. */
  of(part: string): (trouble: Trouble) => void {
    return ({ kind, ...rest }) => this.report({ ...rest, kind: `${part}-${kind}` })
  }

  /** Troubles so far by kind, those too that were not logged. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  report({ message, ...fields }: Trouble): void {
    this.#count(fields.kind)
    const nowMs = this.#now()
    const entry = this.#kinds.get(fields.kind)
    // A clock that was set back must not keep trouble unsaid until it is where it was.
    if (entry !== undefined && Math.abs(nowMs - entry.loggedMs) < INTERVAL_MS) {
      entry.suppressed++
      return
    }
    const suppressed = entry?.suppressed ?? 0
    this.#sink.warn(suppressed === 0 ? fields : { ...fields, suppressed }, message)
    if (this.#kinds.size >= MAX_KINDS) this.#kinds.clear()
    this.#kinds.set(fields.kind, { loggedMs: nowMs, suppressed: 0 })
  }

  #count(kind: string): void {
    const counted = this.#counts.has(kind) || this.#counts.size < MAX_KINDS ? kind : 'other'
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1)
  }
}
