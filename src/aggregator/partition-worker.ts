import { LogError, type PartitionId, type RecordBatch } from '../log/event-log.ts'
import { type RollupStore, StoreError } from '../store/rollup-store.ts'
import type { PartitionStats, TroubleKind, WorkTally } from './aggregator-stats.ts'
import type { Gate } from './gate.ts'
import { PartitionProcessor, type ProcessorOptions } from './partition-processor.ts'

/** First and longest wait between two tries at a store that does not answer. */
const MIN_BACKOFF_MS = 50
const MAX_BACKOFF_MS = 5_000

export interface WorkerTiming {
  /** Between a partition's commits while events come. */
  readonly flushMs: number
  /** Between those of an idle partition, so that its data is not taken for old. */
  readonly heartbeatMs: number
  /**
   * A partition that another worker claimed is claimed again when that one has committed nothing for so long, if the log
   * still assigns it here. Longer than `heartbeatMs`.
   */
  readonly reclaimMs: number
  /** Longest that a call of the log waits for a claim: until it ends, the log cannot take the partition back. */
  readonly holdMs: number
}

/** The log is to call again: the partition cannot be claimed yet. */
export class NotClaimedError extends Error {
  readonly code = 'NOT_CLAIMED'

  constructor(partition: PartitionId, why: string) {
    super(`${partition} is not claimed yet: ${why}`)
    this.name = 'NotClaimedError'
  }
}

export interface PartitionWorkerOptions {
  readonly processor: ProcessorOptions
  readonly timing: WorkerTiming
  /** What all partitions of a worker share: how many claim and commit at once, and what is counted. */
  readonly gate: Gate
  readonly tally: WorkTally
  readonly onTrouble: (kind: TroubleKind, message: string) => void
  /** Uniform in [0, 1). */
  readonly random: () => number
}

/** Reads one partition from when it is assigned to when it is revoked: claims it, folds its records, commits on time. */
export class PartitionWorker {
  readonly partition: PartitionId
  readonly #options: PartitionWorkerOptions
  readonly #store: RollupStore
  readonly #now: () => number
  /** Aborted when the partition is revoked or the worker stops: nothing waits any longer. */
  readonly #gone = new AbortController()
  /** Undefined while the partition is to be claimed anew. */
  #processor: PartitionProcessor | undefined
  /** What is told of the partition while there is none. */
  #last: Pick<PartitionProcessor, 'offset' | 'watermarkMs' | 'counters'> | undefined
  /** Calls, one after the other. */
  #queue: Promise<unknown> = Promise.resolve()
  #isFlushing = false
  #committedAtMs = 0
  /** Commits of the processor at hand. */
  #commits = 0
  /** The offset last asked of the log: a batch read before that is not what is wanted. */
  #asked = 0
  #endOffset = 0
  /** Whether the log reads the partition, so that it can be told to go on elsewhere. */
  #isRead = false
  /** No claim before this time, of the monotonic clock. */
  #claimAtMs = 0
  #backoffMs = MIN_BACKOFF_MS
  #whyNot = ''
  /** Another worker has claimed the partition: the state that it was last seen to have committed, unknown at first. */
  #taken: { readonly isKnown: boolean; readonly stamp: string | undefined } | undefined

  constructor(options: PartitionWorkerOptions) {
    this.#options = options
    this.partition = options.processor.partition
    this.#store = options.processor.store
    this.#now = options.processor.now
  }

  get processor(): PartitionProcessor | undefined {
    return this.#processor
  }

  get isGone(): boolean {
    return this.#gone.signal.aborted
  }

  get stats(): PartitionStats {
    const processor = this.#processor ?? this.#last
    const { offset = 0, watermarkMs = 0, counters } = processor ?? {}
    return {
      partition: this.partition,
      epoch: this.#processor?.epoch,
      offset,
      endOffset: Math.max(this.#endOffset, offset),
      lag: Math.max(0, this.#endOffset - offset),
      watermarkMs,
      watermarkDelayMs: watermarkMs === 0 ? 0 : Math.max(0, this.#now() - watermarkMs),
      counters: counters === undefined ? undefined : { ...counters },
      held: this.#processor && { ...this.#processor.held },
      overflowedSeries: this.#processor?.overflowedSeries ?? 0,
    }
  }

  /** Ends all waiting. */
  abort(): void {
    this.#gone.abort()
  }

  /** Claims the partition. Answers the offset to read from. Rejects with a NotClaimedError. */
  assigned(): Promise<number> {
    return this.#inTurn(async () => {
      const offset = await this.#ask(0)
      // An offset made up would be taken for how far the partition is read.
      if (this.#processor === undefined) throw new NotClaimedError(this.partition, 'it was given back before')
      this.#isRead = true
      return offset
    })
  }

  /** Folds a batch, and commits where that is due. Answers the offset wanted next. Rejects with a NotClaimedError. */
  records({ records, endOffset }: RecordBatch): Promise<number> {
    const start = records[0]!.offset
    const asked = this.#asked
    return this.#inTurn(async () => {
      this.#endOffset = endOffset
      // Claimed anew since the batch was read: the batch may not be where the new claim goes on.
      if (this.#processor === undefined || this.#asked !== asked) return this.#ask(start)
      const processor = this.#processor
      for (let rest = records; rest.length > 0 && this.#processor === processor && !this.isGone;) {
        rest = rest.slice(this.#fold(processor, rest, endOffset))
        if (rest.length > 0 || processor.isCommitDue || this.#isDue) await this.#commit()
      }
      return this.#ask(start)
    })
  }

  /**
   * Commits, or claims the partition anew, if that is due. Answers the offset that the log is to go on from where it claimed.
   * Does nothing while it is at it: however long the store takes, one call waits.
   */
  async flush(): Promise<number | undefined> {
    if (this.#isFlushing || !(this.#isDue || this.#isClaimDue)) return undefined
    this.#isFlushing = true
    try {
      return await this.#inTurn(async () => {
        if (this.#isDue) await this.#commit()
        if (!this.#isClaimDue) return undefined
        const processor = await this.#tryToClaim()
        if (processor !== undefined) this.#asked = processor.offset
        return processor?.offset
      })
    } finally {
      this.#isFlushing = false
    }
  }

  /** Commits what was folded. The partition is read elsewhere from now on. */
  revoked(): Promise<void> {
    this.abort()
    return this.#inTurn(async () => {
      if (this.#processor?.isChanged === true) await this.#commit()
    })
  }

  #fold(processor: PartitionProcessor, records: RecordBatch['records'], endOffset: number): number {
    try {
      return processor.process(records, endOffset)
    } catch (error) {
      // It may have folded part of a record, which the log gives again.
      this.#drop()
      throw error
    }
  }

  /** The offset wanted next, of a processor claimed anew where there is none; `otherwise` when it is too late for one. */
  async #ask(otherwise: number): Promise<number> {
    const processor = this.#processor ?? (await this.#claim())
    this.#asked = processor?.offset ?? otherwise
    return this.#asked
  }

  get #isDue(): boolean {
    if (this.#processor === undefined) return false
    const { flushMs, heartbeatMs } = this.#options.timing
    // A clock that was set back must not keep commits waiting until it is where it was.
    const age = Math.abs(this.#now() - this.#committedAtMs)
    return age >= (this.#processor.isChanged ? flushMs : heartbeatMs)
  }

  get #isClaimDue(): boolean {
    return (
      this.#processor === undefined && this.#isRead && !this.isGone && performance.now() >= this.#claimAtMs
    )
  }

  /** Claims the partition, or rejects when that takes long; undefined when the partition goes meanwhile. */
  async #claim(): Promise<PartitionProcessor | undefined> {
    const untilMs = performance.now() + this.#options.timing.holdMs
    while (!this.isGone) {
      const nowMs = performance.now()
      if (nowMs >= this.#claimAtMs) {
        const processor = await this.#tryToClaim()
        if (processor !== undefined) return processor
      } else if (nowMs < untilMs) {
        await this.#pause(Math.min(this.#claimAtMs, untilMs) - nowMs)
      } else {
        throw new NotClaimedError(this.partition, this.#whyNot)
      }
    }
    return undefined
  }

  async #tryToClaim(): Promise<PartitionProcessor | undefined> {
    const { gate, tally, timing, random, processor: options } = this.#options
    try {
      if (await this.#isReadElsewhere()) return undefined
      const processor = await gate.run(() => PartitionProcessor.claim(options))
      tally.claims++
      if (this.#last !== undefined) tally.reclaims++
      this.#taken = undefined
      this.#processor = processor
      this.#commits = 0
      // Somewhere within the time, so that the partitions of a worker do not all commit at once.
      this.#committedAtMs = this.#now() - random() * timing.heartbeatMs
      return processor
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#trouble('store', error.message)
      this.#postpone(error)
      return undefined
    }
  }

  /**
   * Whether the worker that claimed the partition since may still commit. Two workers that both believe it theirs, as after
   * one of them was stopped for a while, would else take it from each other without end.
   */
  async #isReadElsewhere(): Promise<boolean> {
    if (this.#taken === undefined) return false
    const snapshot = await this.#store.read(this.partition, () => [])
    const stamp = snapshot?.meta.stamp
    if (this.#taken.isKnown && this.#taken.stamp === stamp) return false
    this.#taken = { isKnown: true, stamp }
    this.#whyNot = 'another worker claimed it, and commits'
    this.#claimAtMs = performance.now() + this.#options.timing.reclaimMs
    return true
  }

  /** Commits, and drops the processor where the commit did not go through: what it held is in the log. */
  async #commit(): Promise<void> {
    const { gate, tally, timing, random } = this.#options
    const processor = this.#processor
    if (processor === undefined) return
    const startMs = performance.now()
    try {
      const outcome = await gate.run(() => processor.commit())
      if (outcome.kind === 'committed') {
        tally.committed(performance.now() - startMs, processor.writtenBytes)
        this.#backoffMs = MIN_BACKOFF_MS
        this.#committedAtMs = this.#now() - (this.#commits++ === 0 ? random() * timing.flushMs : 0)
        return
      }
      this.#drop()
      if (outcome.kind === 'stale-epoch') {
        this.#taken = { isKnown: false, stamp: undefined }
        this.#trouble(
          'stale-epoch',
          `epoch ${processor.epoch} is stale: another worker claimed the partition with ${outcome.epoch}`,
        )
      } else {
        this.#trouble(
          'store-moved',
          `the store is at offset ${outcome.offset}, and not as it was left: it lost commits`,
        )
      }
    } catch (error) {
      this.#drop()
      if (!(error instanceof StoreError || error instanceof LogError)) throw error
      this.#trouble(error instanceof StoreError ? 'store' : 'log', error.message)
      this.#postpone(error)
    }
  }

  /** Claims later, the longer the more tries failed since the last commit that went through. */
  #postpone(error: Error): void {
    this.#whyNot = error.message
    this.#claimAtMs = performance.now() + this.#backoffMs
    this.#backoffMs = Math.min(2 * this.#backoffMs, MAX_BACKOFF_MS)
  }

  /** Keeps nothing that has a size. */
  #drop(): void {
    if (this.#processor === undefined) return
    const { offset, watermarkMs, counters } = this.#processor
    this.#last = { offset, watermarkMs, counters }
    this.#processor = undefined
  }

  #trouble(kind: TroubleKind, message: string): void {
    this.#options.tally.troubles[kind]++
    this.#options.onTrouble(kind, message)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work)
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  /** Waits, or not when the partition goes first. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#gone
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
    })
  }
}
