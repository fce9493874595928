import { type DeadLetter, PartitionProcessor } from '../aggregator/partition-processor.ts'
import { topicCluster } from '../aggregator/topic-cluster.ts'
import type { ClassificationRules } from '../event/classification.ts'
import type { PartitionId, StoredRecord } from '../log/event-log.ts'
import type { FlowTableOptions } from '../rollup/flow-table.ts'
import { DEFAULT_SERIES_LIMITS, type SeriesLimits } from '../rollup/rollup.ts'
import { RouteTemplates } from '../rollup/route.ts'
import { DEFAULT_TOP_LIMITS, type TopLimits } from '../rollup/top-rollup.ts'
import type { CommitOutcome, RollupStore } from '../store/rollup-store.ts'
import { BatchConflictError, BatchGapError, type OffsetGap } from './batch-errors.ts'

export interface PartitionFunctionOptions {
  readonly store: RollupStore
  /**
   * Puts records that cannot be decoded where people find them; a commit waits for it. It may be given the same ones
   * again: when the commit after it fails.
   */
  readonly setAside: (partition: PartitionId, letters: readonly DeadLetter[]) => Promise<void>
  /** `mesh.requests` by default. */
  readonly topic?: string
  /** Of events that name none, `default` by default; partitions of `<cluster>.<topic>` have that one. */
  readonly cluster?: string
  /** Route templates, as `--routes` has them. */
  readonly routes?: readonly string[]
  readonly rules?: ClassificationRules
  readonly limits?: { readonly series?: SeriesLimits; readonly top?: TopLimits }
  /**
   * Partitions that are held from one call to the next, 16 by default; of more, those not called for longest are let go.
   * With 0 every call claims anew.
   */
  readonly maxHeld?: number
  /**
   * Asked about records that are missing before a batch: whether the log has none of them any more, its retention having
   * deleted them. They are then counted as missing. By default it is not so, and the batch is refused.
   */
  readonly isDeleted?: (gap: OffsetGap) => boolean | Promise<boolean>
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/** Records of one partition, as a function is handed them. */
export interface PartitionBatch {
  readonly partition: PartitionId
  /**
   * In order of offset, and all that the log has between the first and the last. None: buckets that the clock closes are
   * closed, where the partition is known to hold nothing more.
   */
  readonly records: readonly StoredRecord[]
  /** The offset after the partition's last record, where it is known: it tells whether the batch has caught up. */
  readonly endOffset?: number
}

/** What became of a batch. */
export interface BatchReport {
  readonly partition: PartitionId
  /** `repeated`: all of it had been committed before. */
  readonly outcome: 'committed' | 'repeated'
  /** What is committed now: the offset of the next record to give. */
  readonly offset: number
  /** Records folded by this call, those that count nothing included. */
  readonly folded: number
  /** Records that had been committed before. */
  readonly skipped: number
  /** Of those folded: set aside. */
  readonly deadLetters: number
  /** Offsets of which the log had no record. */
  readonly missing: number
  readonly epoch: number
}

/**
 * A worker that is handed its batches: what a function of AWS Lambda or Knative calls. It is exact however it is called:
 * with the same batch again, with one that overlaps another, from a process that has just started, from several at
 * once.
 *
 * A call claims the partition, unless it is held from an earlier one, skips what was committed, folds the rest and commits.
 * Held partitions hold nothing back from the store, and are claimed anew where another process has claimed them since. Calls
 * for one partition take turns.
 */
export class PartitionFunction {
  readonly #options: PartitionFunctionOptions
  readonly #flows: FlowTableOptions
  readonly #maxHeld: number
  /** In order of the last call. A partition is not here while it is worked on. */
  readonly #held = new Map<PartitionId, PartitionProcessor>()
  /** The last call of each partition, while there is one. */
  readonly #turns = new Map<PartitionId, Promise<unknown>>()

  /** Throws a RangeError for a bad route template. */
  constructor(options: PartitionFunctionOptions) {
    this.#options = options
    const { cluster = 'default', routes = [], maxHeld = 16 } = options
    this.#flows = { routes: new RouteTemplates(routes), defaultCluster: cluster }
    this.#maxHeld = maxHeld
  }

  /** How many partitions are held for the next call. */
  get held(): number {
    return this.#held.size
  }

  /**
   * Folds what is new of a batch and commits it. Rejects with a BatchGapError, with a BatchConflictError, or with what the
   * store or `setAside` rejected with; after any but the first the batch is to be given again.
   */
  async process(batch: PartitionBatch): Promise<BatchReport> {
    checkOrder(batch)
    const { partition } = batch
    const turn = (this.#turns.get(partition) ?? Promise.resolve()).then(() => this.#process(batch))
    const settled = turn.then(
      () => undefined,
      () => undefined,
    )
    this.#turns.set(partition, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(partition) === settled) this.#turns.delete(partition)
    }
  }

  async #process(batch: PartitionBatch): Promise<BatchReport> {
    const { partition, records } = batch
    const held = this.#held.get(partition)
    this.#held.delete(partition)
    // A held one knows where the store was. Only a claim tells that a batch was committed, or that it leaves a gap.
    const goesOn = records.length === 0 || (isAt(records[0]!, held) && !isPast(records.at(-1)!, held))
    if (held !== undefined && goesOn) {
      const report = await this.#fold(held, batch)
      if ('outcome' in report) return report
    }
    const processor = await this.#claim(partition)
    if (records.length > 0 && isPast(records.at(-1)!, processor)) {
      this.#hold(processor)
      return reportOf(processor, 'repeated', { skipped: records.length })
    }
    if (records.length > 0 && !isAt(records[0]!, processor)) {
      const gap = { partition, expected: processor.offset, given: records[0]!.offset }
      if ((await this.#options.isDeleted?.(gap)) !== true) {
        this.#hold(processor)
        throw new BatchGapError(gap)
      }
    }
    const report = await this.#fold(processor, batch)
    if ('outcome' in report) return report
    throw new BatchConflictError(partition, report.why)
  }

  /** Folds and commits; answers why not where the store refuses a commit. The processor is held where all went well. */
  async #fold(
    processor: PartitionProcessor,
    { records, endOffset = Number.POSITIVE_INFINITY }: PartitionBatch,
  ): Promise<BatchReport | { readonly why: string }> {
    const skipped = records.filter(({ offset }) => offset < processor.offset).length
    const { deadLetters, missingOffsets } = processor.counters
    let rest = records
    do {
      // Given nothing and told nothing, it may still take the silence for an end.
      if (rest.length > 0 || Number.isFinite(endOffset)) rest = rest.slice(processor.process(rest, endOffset))
      const outcome = await processor.commit()
      if (outcome.kind !== 'committed') return { why: whyNot(outcome) }
    } while (rest.length > 0)
    this.#hold(processor)
    return reportOf(processor, 'committed', {
      folded: records.length - skipped,
      skipped,
      deadLetters: processor.counters.deadLetters - deadLetters,
      missing: processor.counters.missingOffsets - missingOffsets,
    })
  }

  #claim(partition: PartitionId): Promise<PartitionProcessor> {
    const { store, setAside, rules = {}, limits, topic = 'mesh.requests', now = Date.now } = this.#options
    const cluster = topicCluster(partition, topic)
    return PartitionProcessor.claim({
      partition,
      store,
      now,
      setAside,
      limits: {
        series: limits?.series ?? DEFAULT_SERIES_LIMITS,
        top: limits?.top ?? DEFAULT_TOP_LIMITS,
        rules,
      },
      flows: cluster === undefined ? this.#flows : { ...this.#flows, defaultCluster: cluster },
    })
  }

  #hold(processor: PartitionProcessor): void {
    this.#held.set(processor.partition, processor)
    for (const partition of this.#held.keys()) {
      if (this.#held.size <= this.#maxHeld) return
      this.#held.delete(partition)
    }
  }
}

function isAt(record: StoredRecord, processor: PartitionProcessor | undefined): boolean {
  return processor !== undefined && record.offset <= processor.offset
}

function isPast(record: StoredRecord, processor: PartitionProcessor | undefined): boolean {
  return processor !== undefined && record.offset < processor.offset
}

function reportOf(
  { partition, offset, epoch }: PartitionProcessor,
  outcome: BatchReport['outcome'],
  counts: Partial<BatchReport>,
): BatchReport {
  return { partition, outcome, offset, epoch, folded: 0, skipped: 0, deadLetters: 0, missing: 0, ...counts }
}

function whyNot(outcome: Exclude<CommitOutcome, { readonly kind: 'committed' }>): string {
  return outcome.kind === 'stale-epoch'
    ? `another process claimed the partition with epoch ${outcome.epoch}`
    : `the store is at offset ${outcome.offset}, and not as it was left`
}

function checkOrder({ partition, records }: PartitionBatch): void {
  let before = -1
  for (const { offset } of records) {
    if (!Number.isSafeInteger(offset) || offset <= before) {
      throw new RangeError(
        `the records of a batch of ${partition} must be in order of offset, but ${offset} comes after ${before}`,
      )
    }
    before = offset
  }
}
