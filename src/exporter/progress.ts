import type { PartitionId } from '../log/event-log.ts'

/** How long a partition may stand still behind what was shown of it before its counters are shown nevertheless. */
const PATIENCE_MS = 120_000

/** A partition is behind what was shown of it: its counters would fall. */
export class RewoundError extends Error {
  readonly code = 'STORE_REBUILDING'

  constructor(partition: PartitionId, offset: number, shown: number) {
    super(
      `partition ${partition} is at offset ${offset}, and was shown as of ${shown}: the store lost what it had and is ` +
        'being rebuilt from the log; counters are given again when it has caught up',
    )
    this.name = 'RewoundError'
  }
}

interface Shown {
  offset: number
  /** While it is behind: how far it came, and since when. */
  behind: { offset: number; sinceMs: number } | undefined
}

/**
 * How far each partition was when it was last shown, so that no counter falls while a store that lost its newest state
 * is rebuilt. One entry a partition; forgotten with the process.
 */
export class Progress {
  readonly #shown = new Map<PartitionId, Shown>()

  /** Partitions that were shown. */
  get partitions(): readonly PartitionId[] {
    return [...this.#shown.keys()]
  }

  /**
   * Notes that a partition is shown as of `offset` (0 where it is gone). Throws a RewoundError where it was shown further
   * on, unless it has stood there for two minutes: then the log itself begins anew.
   */
  check(partition: PartitionId, offset: number, nowMs: number): void {
    const known = this.#shown.get(partition)
    if (known === undefined) {
      this.#shown.set(partition, { offset, behind: undefined })
      return
    }
    if (offset < known.offset) {
      if (known.behind?.offset !== offset) known.behind = { offset, sinceMs: nowMs }
      if (nowMs - known.behind.sinceMs < PATIENCE_MS) throw new RewoundError(partition, offset, known.offset)
    }
    known.offset = offset
    known.behind = undefined
  }
}
