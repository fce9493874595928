import type { EventColumns } from '../event/event-columns.ts'
import type { EventLog, PartitionId, RecordBatch, Subscription } from '../log/event-log.ts'
import { type AggregatorStats, type TroubleKind, WorkTally } from './aggregator-stats.ts'
import { appendLetters } from './dead-letters.ts'
import { Gate } from './gate.ts'
import { ObservedOffsets } from './observed-offsets.ts'
import type { PartitionProcessor, ProcessorOptions } from './partition-processor.ts'
import { PartitionWorker, type WorkerTiming } from './partition-worker.ts'
import type { BareFormat } from './record-decoder.ts'
import { topicCluster, topicOf } from './topic-cluster.ts'

const HEARTBEAT_MS = 5_000
const RECLAIM_MS = 10_000
/** A call of the log is kept waiting for a claim no longer: a log may wait 4 s at most to take a partition away. */
const HOLD_MS = 3_000

/** Claims and commits at once, of all partitions: what they hold in memory is bounded by it. */
const MAX_AT_ONCE = 32

/** A partition that could not be claimed may be asked for again this much later. */
const ASKED_AGAIN_MS = 20_000

/** A worker that the log gives no partition for this long is a spare one, and as ready as it can be. */
const SPARE_MS = 30_000

export interface AggregatorOptions {
  readonly log: EventLog
  readonly topic: string
  readonly deadLetterTopic: string
  /** Time between a partition's commits while events come. */
  readonly flushMs: number
  /** By default an idle partition commits every 5 s, and one that was taken is claimed again after 10 s of silence. */
  readonly timing?: Partial<Omit<WorkerTiming, 'flushMs'>>
  /** Of a partition of `<cluster>.<topic>`, that cluster is the one of events that name none. */
  readonly processor: Omit<ProcessorOptions, 'partition' | 'setAside' | 'observe' | 'bareFormat'>
  /** By topic: what its records are that do not say; JSON where it is left out. */
  readonly bareFormats?: ReadonlyMap<string, BareFormat>
  /**
   * Sees every batch that is folded, before it is; never the same record twice, though one may be folded anew because the
   * store lost it. See `ProcessorOptions.observe`.
   */
  readonly observe?: (columns: EventColumns, defaultCluster: string, place: RecordPlace) => void
  /** Told how long each commit took that went through, in milliseconds. */
  readonly onCommitted?: (ms: number) => void
  /** Told of what went wrong and is being tried again. */
  readonly onTrouble: (trouble: AggregatorTrouble) => void
  /** Told of what cannot be tried again: the worker's owner stops it. */
  readonly onFatal: (error: unknown) => void
  /** Uniform in [0, 1): when each partition begins to commit. */
  readonly random?: () => number
}

/** A record's place in the log. */
export interface RecordPlace {
  readonly partition: PartitionId
  readonly offset: number
}

export interface AggregatorTrouble {
  readonly partition: PartitionId
  readonly kind: TroubleKind
  readonly message: string
}

/**
 * A worker: claims the partitions that the log assigns to it, folds their records, and commits on time.
 *
 * A partition that another worker claims is left to it for as long as that one commits. Where a partition cannot be
 * claimed for 5 s, a call of the log's handler rejects, and is to be made again.
 */
export class Aggregator {
  readonly #options: AggregatorOptions
  readonly #partitions = new Map<PartitionId, PartitionWorker>()
  readonly #gate = new Gate(MAX_AT_ONCE)
  readonly #tally: WorkTally
  readonly #observed = new ObservedOffsets()
  #subscribing: Promise<Subscription> | undefined
  #subscription: Subscription | undefined
  #subscribedAtMs = 0
  /** When a partition that was assigned could not be claimed. */
  #failedAtMs = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined

  #isClosed = false

  constructor(options: AggregatorOptions) {
    this.#options = options
    this.#tally = new WorkTally(options.onCommitted)
  }

  /** Does nothing after `close`. */
  async start(): Promise<void> {
    if (this.#isClosed) return
    this.#subscribing = this.#options.log.subscribe(this.#options.topic, {
      assigned: (partition) => this.#assigned(partition),
      records: (batch) => this.#records(batch),
      revoked: (partition) => this.#revoked(partition),
    })
    this.#subscription = await this.#subscribing
    this.#subscribedAtMs = performance.now()
    this.#timer = setInterval(
      () => {
        for (const worker of this.#partitions.values()) void this.#flush(worker)
      },
      Math.max(10, this.#options.flushMs / 8),
    )
  }

  /**
   * Whether every assigned partition is claimed. Without any it is ready once it has had some, or has waited for them
   * for 30 s: there may be more workers than partitions.
   */
  get isReady(): boolean {
    if (this.#subscription === undefined) return false
    if (this.#partitions.size > 0) {
      return [...this.#partitions.values()].every(({ processor }) => processor !== undefined)
    }
    const nowMs = performance.now()
    if (nowMs - this.#failedAtMs < ASKED_AGAIN_MS) return false
    return this.#tally.claims > 0 || nowMs - this.#subscribedAtMs >= SPARE_MS
  }

  /** The processors of the partitions that are claimed here. */
  processors(): PartitionProcessor[] {
    return [...this.#partitions.values()].flatMap(({ processor }) => processor ?? [])
  }

  /** What there is to observe, as of now. */
  get stats(): AggregatorStats {
    const partitions = [...this.#partitions.values()].map(({ stats }) => stats)
    return this.#tally.snapshot(partitions, this.#gate.running + this.#gate.waiting)
  }

  /** Folds and commits what was taken, and gives the partitions back. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    // One that is only being started ends too, when it has. That it cannot be is for `start` to say.
    await this.#subscribing?.catch(() => undefined)
    clearInterval(this.#timer)
    for (const worker of this.#partitions.values()) worker.abort()
    await this.#subscription?.close()
    this.#subscription = undefined
  }

  async #assigned(partition: PartitionId): Promise<number> {
    this.#partitions.get(partition)?.abort()
    const worker = this.#worker(partition)
    this.#partitions.set(partition, worker)
    try {
      return await worker.assigned()
    } catch (error) {
      // The log calls again, or gives the partition to another without a word.
      this.#failedAtMs = performance.now()
      this.#forget(worker)
      throw error
    }
  }

  async #records(batch: RecordBatch): Promise<number> {
    this.#observed.keepWithin(batch.partition, batch.endOffset)
    const worker = this.#partitions.get(batch.partition)
    return worker === undefined ? batch.records[0]!.offset : worker.records(batch)
  }

  async #revoked(partition: PartitionId): Promise<void> {
    const worker = this.#partitions.get(partition)
    if (worker === undefined) return
    try {
      await worker.revoked()
    } finally {
      this.#forget(worker)
    }
  }

  #forget(worker: PartitionWorker): void {
    worker.abort()
    // The partition may have been assigned again meanwhile.
    if (this.#partitions.get(worker.partition) === worker) this.#partitions.delete(worker.partition)
  }

  /** Commits what is due, and claims anew what was lost. */
  async #flush(worker: PartitionWorker): Promise<void> {
    try {
      const offset = await worker.flush()
      if (offset === undefined || worker.isGone) return
      this.#subscription?.seek(worker.partition, offset)
    } catch (error) {
      this.#options.onFatal(error)
    }
  }

  #worker(partition: PartitionId): PartitionWorker {
    const {
      log,
      topic,
      deadLetterTopic,
      flushMs,
      timing,
      processor,
      bareFormats,
      observe,
      onTrouble,
      random,
    } = this.#options
    const cluster = topicCluster(partition, topic)
    const bareFormat = bareFormats?.get(topicOf(partition))
    return new PartitionWorker({
      processor: {
        ...processor,
        ...(cluster === undefined ? {} : { flows: { ...processor.flows, defaultCluster: cluster } }),
        ...(bareFormat === undefined ? {} : { bareFormat }),
        ...(observe === undefined
          ? {}
          : {
              observe: (columns, cluster, offset) =>
                this.#observed.show(partition, offset, () =>
                  observe(columns, cluster, { partition, offset }),
                ),
            }),
        partition,
        setAside: async (id, letters) => {
          await appendLetters(log, deadLetterTopic, id, letters)
          this.#tally.setAside(letters)
        },
      },
      timing: { flushMs, heartbeatMs: HEARTBEAT_MS, reclaimMs: RECLAIM_MS, holdMs: HOLD_MS, ...timing },
      gate: this.#gate,
      tally: this.#tally,
      onTrouble: (kind, message) => onTrouble({ partition, kind, message }),
      random: random ?? Math.random,
    })
  }
}
