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
  /** The one before that, for what is told of the partition. */
  #last: PartitionProcessor | undefined
  /** Calls, one after the other. */
  #queue: Promise<unknown> = Promise.resolve()
  #isFlushing = false
  #committedAtMs = 0
  /** Commits of the processor at hand. */
  #commits = 0
  /** The offset last asked of the log: a batch read before that is not what is wanted. */
  #asked = 0
  #endOffset = 0
  /** Whether another worker has claimed the partition. */
  #isTaken = false

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
    }
  }

  /** Ends all waiting. */
  abort(): void {
    this.#gone.abort()
  }

  /** Claims the partition. Answers the offset to read from. */
  assigned(): Promise<number> {
    return this.#inTurn(() => this.#ask(0))
  }

  /** Folds a batch, and commits where that is due. Answers the offset wanted next. */
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
   * Commits if that is due. Answers the offset that the log is to go on from where the partition had to be claimed anew.
   * Does nothing while it is at it: however long the store takes, one call waits.
   */
  async flush(): Promise<number | undefined> {
    if (this.#isFlushing || !this.#isDue) return undefined
    this.#isFlushing = true
    try {
      return await this.#inTurn(async () => {
        if (!this.#isDue) return undefined
        await this.#commit()
        if (this.#processor !== undefined) return undefined
        const offset = await this.#ask(this.#asked)
        return this.isGone ? undefined : offset
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

  /** Claims the partition, however long the store takes to answer; undefined when the partition goes meanwhile. */
  async #claim(): Promise<PartitionProcessor | undefined> {
    const { gate, tally, timing, random, processor: options } = this.#options
    if (this.#isTaken) await this.#yield()
    for (let wait = MIN_BACKOFF_MS; !this.isGone; wait = Math.min(2 * wait, MAX_BACKOFF_MS)) {
      try {
        const processor = await gate.run(async () =>
          this.isGone ? undefined : await PartitionProcessor.claim(options),
        )
        if (processor === undefined) break
        tally.claims++
        if (this.#last !== undefined) tally.reclaims++
        this.#isTaken = false
        this.#last = this.#processor = processor
        this.#commits = 0
        // Somewhere within the time, so that the partitions of a worker do not all commit at once.
        this.#committedAtMs = this.#now() - random() * timing.heartbeatMs
        return processor
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        this.#trouble('store', error.message)
        await this.#pause(wait)
      }
    }
    return undefined
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
        this.#committedAtMs = this.#now() - (this.#commits++ === 0 ? random() * timing.flushMs : 0)
        return
      }
      this.#drop()
      if (outcome.kind === 'stale-epoch') {
        this.#isTaken = true
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
    }
  }

  /**
   * Waits for as long as the worker that claimed the partition commits: it is read there. Two workers that both believe it
   * theirs, as after one of them was stopped for a while, would else take it from each other without end.
   */
  async #yield(): Promise<void> {
    let before = await this.#stamp()
    while (!this.isGone) {
      await this.#pause(this.#options.timing.reclaimMs)
      const stamp = await this.#stamp()
      if (stamp.isKnown && before.isKnown && stamp.stamp === before.stamp) return
      before = stamp
    }
  }

  async #stamp(): Promise<{ readonly isKnown: boolean; readonly stamp?: string | undefined }> {
    try {
      const snapshot = await this.#store.read(this.partition, () => [])
      return { isKnown: true, stamp: snapshot?.meta.stamp }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#trouble('store', error.message)
      return { isKnown: false }
    }
  }

  #drop(): void {
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
    if (ms <= 0 || signal.aborted) return Promise.resolve()
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
