import type { RequestEvent } from '../event/event.ts'
import type { TapQuery } from './tap-query.ts'

/** Most events of `last`. */
export const MOST_LAST = 10_000

/** What of the past a tap begins with: what came since a time, the last that match, or both. */
export interface ReplayRequest {
  /** By the log's time, epoch milliseconds. */
  readonly sinceMs?: number
  readonly last?: number
}

/** Some of what a replay reads; without events where it read for a while and none matched. */
export interface ReplayPart {
  readonly events: readonly RequestEvent[]
  /** Requests that were looked at since the last part. */
  readonly seen: number
}

/** One tap's reading of the log, in passes: each goes on where the one before ended. */
export interface TapReplay {
  /**
   * Reads up to what the log held when the pass began: so a record that is not among what was read by then was appended
   * later, and is at or after `reached`. Rejects where the log fails. Not to be called while a pass is under way.
   */
  pass(): AsyncIterable<ReplayPart>
  /** By partition, the offset after the last record read. */
  readonly reached: ReadonlyMap<string, number>
  /** Why it ended before its time; then what follows in the log is not read. */
  readonly cut: string | undefined
}

/** Where the past of a tap is read. */
export interface TapReplays {
  /** Rejects where the log does not answer. */
  open(query: TapQuery, request: ReplayRequest): Promise<TapReplay>
}
