import type { PartitionId } from '../log/event-log.ts'
import type { DeadLetter, PartitionCounters } from './partition-processor.ts'

/**
 * What goes wrong and is tried again: the store or the log failed; another worker claimed a partition, so that a commit
 * was refused; or the store is not where it was left.
 */
export type TroubleKind = 'store' | 'log' | 'stale-epoch' | 'store-moved'

/** A partition that is read here, as of now. */
export interface PartitionStats {
  readonly partition: PartitionId
  /** Undefined while the partition is not claimed. What follows is then of the last time that it was. */
  readonly epoch: number | undefined
  /** Of the next record to fold. */
  readonly offset: number
  /** After the last record that the log held when it last gave something. */
  readonly endOffset: number
  /** Records of the log that are not folded yet, as far as that is known. */
  readonly lag: number
  /** Up to when all events are folded, epoch milliseconds; 0 where nothing ever came. */
  readonly watermarkMs: number
  /** How far that is behind the clock; 0 where nothing ever came. */
  readonly watermarkDelayMs: number
  /** Running counts since the partition's first event, whoever folded it. */
  readonly counters: Readonly<PartitionCounters> | undefined
  /** In the running totals, and of buckets that are not closed; undefined while the partition is not claimed. */
  readonly held: { readonly series: number; readonly openBuckets: number } | undefined
  /** Times that a series of a 10 s bucket was counted in `__overflow__`, since the partition was claimed. */
  readonly overflowedSeries: number
}

/** Counts since the worker was made. */
export interface CommitStats {
  readonly count: number
  /** Bytes of blobs and producers' windows that were committed. */
  readonly bytes: number
  /** How long commits took that went through, dead letters and waiting for their turn included. */
  readonly lastMs: number
  readonly totalMs: number
  readonly maxMs: number
  /** Now under way or waiting for their turn, claims included. */
  readonly underWay: number
}

export interface AggregatorStats {
  readonly partitions: readonly PartitionStats[]
  readonly commits: CommitStats
  /** Partitions claimed, and of those the ones that had been claimed here already since they were assigned. */
  readonly claims: number
  readonly reclaims: number
  /** Records set aside, by what is wrong with them; one that is set aside twice counts twice. */
  readonly deadLetters: Readonly<Record<string, number>>
  /** By kind. `stale-epoch` counts the commits refused because another worker had claimed the partition. */
  readonly troubles: Readonly<Record<TroubleKind, number>>
}

/** Reasons of dead letters told apart; there are fewer, and it stays bounded should there be more. */
const MAX_REASONS = 100

/** Adds up what the partitions of a worker do. */
export class WorkTally {
  claims = 0
  reclaims = 0
  readonly troubles: Record<TroubleKind, number> = { store: 0, log: 0, 'stale-epoch': 0, 'store-moved': 0 }
  readonly #deadLetters: Record<string, number> = {}
  readonly #onCommitted: ((ms: number) => void) | undefined
  readonly #commits = { count: 0, bytes: 0, lastMs: 0, totalMs: 0, maxMs: 0 }

  /** `onCommitted` is told how long each commit took that went through. */
  constructor(onCommitted?: (ms: number) => void) {
    this.#onCommitted = onCommitted
  }

  setAside(letters: readonly DeadLetter[]): void {
    const counts = this.#deadLetters
    for (const { fault } of letters) {
      const isCounted = fault.reason in counts || Object.keys(counts).length < MAX_REASONS
      const reason = isCounted ? fault.reason : 'other'
      counts[reason] = (counts[reason] ?? 0) + 1
    }
  }

  committed(ms: number, bytes: number): void {
    const commits = this.#commits
    commits.count++
    commits.bytes += bytes
    commits.lastMs = ms
    commits.totalMs += ms
    commits.maxMs = Math.max(commits.maxMs, ms)
    this.#onCommitted?.(ms)
  }

  snapshot(partitions: readonly PartitionStats[], underWay: number): AggregatorStats {
    const { claims, reclaims, troubles } = this
    return {
      partitions,
      commits: { ...this.#commits, underWay },
      claims,
      reclaims,
      deadLetters: { ...this.#deadLetters },
      troubles: { ...troubles },
    }
  }
}
