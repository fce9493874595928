export type TapBusTroubleKind =
  /** A connection to Redis failed, or what keeps registrations in step did. */
  | 'connection'
  /** A message on a tap's channel was no frame of this version, and is ignored. */
  | 'frame'
  /** A registration's query is not known to this version; the tap is not evaluated. */
  | 'registration'

export interface TapBusTrouble {
  readonly kind: TapBusTroubleKind
  readonly message: string
  /** How many more of the kind there were since it was last told of. */
  readonly others: number
}

/** Least time between two of a kind. */
const QUIET_MS = 10_000

/** Tells of trouble, but not of each: what fails mostly fails many times. */
export class Troubles {
  readonly #tell: (trouble: TapBusTrouble) => void
  readonly #now: () => number
  readonly #last = new Map<TapBusTroubleKind, { toldMs: number; others: number }>()

  constructor(tell: (trouble: TapBusTrouble) => void, now: () => number = () => performance.now()) {
    this.#tell = tell
    this.#now = now
  }

  add(kind: TapBusTroubleKind, error: unknown): void {
    const nowMs = this.#now()
    const last = this.#last.get(kind)
    if (last !== undefined && nowMs - last.toldMs < QUIET_MS) {
      last.others++
      return
    }
    this.#last.set(kind, { toldMs: nowMs, others: 0 })
    const message = error instanceof Error ? error.message : String(error)
    this.#tell({ kind, message, others: last?.others ?? 0 })
  }
}
