import type { ClassificationRules } from '../event/classification.ts'
import type { EventColumns } from '../event/event-columns.ts'
import { BucketFold } from '../rollup/bucket-fold.ts'
import type { FlowTable } from '../rollup/flow-table.ts'
import { Rollup, type SeriesLimits } from '../rollup/rollup.ts'
import { bucketStart, FINEST, FUTURE_LIMIT_MS, type Tier, TIERS } from '../rollup/tier.ts'
import { type TopLimits, TopRollup } from '../rollup/top-rollup.ts'

export interface BucketLimits {
  readonly series: SeriesLimits
  readonly top: TopLimits
  readonly rules: ClassificationRules
}

/** Events of closed buckets, waiting to be merged into them: by the finest tier that still keeps their time. */
export interface LateBucket {
  readonly tier: Tier
  readonly startMs: number
  readonly fold: BucketFold
}

/** How many events went where, other than into an open bucket. */
export interface FoldCounts {
  late: number
  /** Further ahead of the clock than allowed: only in the totals. */
  future: number
  /** Older than the longest tier: only in the totals. */
  expired: number
}

/**
 * Where a partition's events go since its last commit: open 10 s buckets, late deltas for closed ones, or, when
 * their time is out of all bounds, only the totals.
 */
export class PartitionBuckets {
  readonly open = new Map<number, BucketFold>()
  readonly late = new Map<string, LateBucket>()
  readonly #limits: BucketLimits
  /** Events that no bucket takes. */
  #beyond: BucketFold | undefined

  constructor(limits: BucketLimits) {
    this.#limits = limits
  }

  newRollup(): Rollup {
    return new Rollup(this.#limits.series)
  }

  newTop(): TopRollup {
    return new TopRollup(this.#limits.top)
  }

  /** Folds a batch. Buckets that end at or before `closedThroughMs` are closed. */
  fold(
    columns: EventColumns,
    flows: FlowTable,
    clock: { readonly nowMs: number; readonly closedThroughMs: number },
    counts: FoldCounts,
  ): void {
    const { timeMs, connectionTimeMs } = columns
    for (let from = 0; from < columns.requests;) {
      const start = bucketStart(FINEST, timeMs[from]!)
      const end = start + FINEST.bucketMs
      let to = from + 1
      while (to < columns.requests && timeMs[to]! >= start && timeMs[to]! < end) to++
      this.#bucket(start, clock, counts, to - from).foldRequests(columns, flows, from, to)
      from = to
    }
    for (let i = 0; i < columns.connections; i++) {
      const start = bucketStart(FINEST, connectionTimeMs[i]!)
      this.#bucket(start, clock, counts, 1).foldConnection(columns, flows, i)
    }
  }

  /** Bytes of the arrays that buckets and late deltas have for flows. */
  get flowBytes(): number {
    let bytes = 0
    for (const fold of this.open.values()) bytes += fold.flowBytes
    for (const { fold } of this.late.values()) bytes += fold.flowBytes
    return bytes
  }

  /** Makes the open bucket if it is not there. */
  openBucket(startMs: number): BucketFold {
    let fold = this.open.get(startMs)
    if (fold === undefined) this.open.set(startMs, (fold = this.#newFold()))
    return fold
  }

  /** Drains all folds, so that their rollups may be read. */
  drain(): void {
    for (const fold of this.open.values()) fold.drain()
    for (const { fold } of this.late.values()) fold.drain()
    this.#beyond?.drain()
  }

  /** Takes the events that only the totals count. */
  takeBeyond(): BucketFold | undefined {
    const beyond = this.#beyond
    this.#beyond = undefined
    return beyond
  }

  #bucket(
    startMs: number,
    clock: { readonly nowMs: number; readonly closedThroughMs: number },
    counts: FoldCounts,
    events: number,
  ): BucketFold {
    const isFuture = startMs > clock.nowMs + FUTURE_LIMIT_MS
    if (startMs >= clock.closedThroughMs && !isFuture) {
      // First, for events around a bucket's end may change between two with each.
      const open = this.open.get(startMs)
      if (open !== undefined) return open
      const isKept = finestTierKeeping(startMs, clock.nowMs) !== undefined
      if (isKept) return this.openBucket(startMs)
    }
    const tier = isFuture ? undefined : finestTierKeeping(startMs, clock.nowMs)
    if (tier === undefined) {
      if (isFuture) counts.future += events
      else counts.expired += events
      return (this.#beyond ??= this.#newFold())
    }
    counts.late += events
    const start = bucketStart(tier, startMs)
    const id = `${tier.name}:${start}`
    let late = this.late.get(id)
    if (late === undefined) this.late.set(id, (late = { tier, startMs: start, fold: this.#newFold() }))
    return late.fold
  }

  #newFold(): BucketFold {
    return new BucketFold(this.newRollup(), this.newTop(), this.#limits.rules)
  }
}

function finestTierKeeping(timeMs: number, nowMs: number): Tier | undefined {
  return TIERS.find((tier) => bucketStart(tier, timeMs) + tier.bucketMs + tier.retentionMs > nowMs)
}
