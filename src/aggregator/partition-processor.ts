import { randomUUID } from 'node:crypto'
import { type BatchNumber, batchNumberOf, NUMBER_HEADERS } from '../event/batch-number.ts'
import { DecodeError, type DecodeFault } from '../event/decode-error.ts'
import type { Dictionary } from '../event/dictionary.ts'
import type { EventColumns } from '../event/event-columns.ts'
import type { PartitionId, StoredRecord } from '../log/event-log.ts'
import { FlowTable, type FlowTableOptions } from '../rollup/flow-table.ts'
import { bucketStart, FINEST } from '../rollup/tier.ts'
import type { CommitOutcome, PartitionMeta, RollupStore } from '../store/rollup-store.ts'
import { type BucketLimits, PartitionBuckets } from './partition-buckets.ts'
import { PartitionState } from './partition-state.ts'
import { ProducerWindows } from './producer-windows.ts'
import { type BareFormat, type Identify, RecordDecoder } from './record-decoder.ts'

/** How long after a bucket's end its events may still come without being late, by event time. */
const LATENESS_MS = 5_000

/** How long after its end an idle partition's bucket is closed, by the clock; and how long the log is silent by then. */
const IDLE_CLOSE_MS = 30_000

/** Buckets and late deltas begun, or dead letters held, before a commit is due at once. */
const MAX_PENDING = 256

/** Bytes that buckets may take for flows where more than a few were begun; and that dead letters may have. */
const MAX_PENDING_BYTES = 128 * 2 ** 20
const FEW_BUCKETS = 8
const MAX_LETTER_BYTES = 16 * 2 ** 20

/** A record that could not be decoded, and why. */
export interface DeadLetter {
  readonly record: StoredRecord
  readonly fault: DecodeFault
}

export interface ProcessorOptions {
  readonly partition: PartitionId
  readonly store: RollupStore
  readonly now: () => number
  readonly limits: BucketLimits
  readonly flows: FlowTableOptions
  /** Names the workloads of events that name none, before anything else sees them. */
  readonly identify?: Identify
  /** What records of the partition are that do not say; JSON where it is left out. */
  readonly bareFormat?: BareFormat
  /**
   * Sees every batch that is folded, before it is: where taps look. Told also which cluster the events are of that name
   * none, always the same for one dictionary, and the offset of the batch's record.
   */
  readonly observe?: (columns: EventColumns, defaultCluster: string, offset: number) => void
  /** Puts dead letters where people find them. A commit waits for it, so that none is lost. */
  readonly setAside: (partition: PartitionId, letters: readonly DeadLetter[]) => Promise<void>
}

/** Running counts of a partition since its first event, committed with its rollups. */
const COUNTERS = [
  'requests',
  'connections',
  'records',
  'bytes',
  'late',
  'future',
  'expired',
  'duplicates',
  'deadLetters',
  'unknownFields',
  'skippedSpans',
  'missingOffsets',
  'forgottenProducers',
] as const
export type PartitionCounter = (typeof COUNTERS)[number]
export type PartitionCounters = Record<PartitionCounter, number>

/**
 * One partition's only writer: decodes records, folds them into its buckets, commits what changed together with the
 * offset. Holds nothing that it cannot rebuild from the log and the store.
 *
 * `process` and `commit` are not to be called while one of them is under way. After a commit that was refused or
 * rejected the processor is of no more use: claim again, and go on from the offset that the new one names.
 */
export class PartitionProcessor {
  readonly partition: PartitionId
  readonly epoch: number
  readonly #options: ProcessorOptions
  readonly #state: PartitionState
  readonly #buckets: PartitionBuckets
  readonly #producers: ProducerWindows
  readonly #counters: PartitionCounters
  #deadLetters: DeadLetter[] = []
  #deadLetterBytes = 0
  readonly #decoder: RecordDecoder
  /** That of `#flows`. */
  #dictionary: Dictionary
  #flows: FlowTable
  #committedOffset: number
  #committedStamp: string | undefined
  #offset: number
  #watermarkMs: number
  #newestMs = 0
  #closedThroughMs: number
  #isCaughtUp = false
  /** Where the log last said that it ends; undefined while it has not. */
  #endOffset: number | undefined
  /** When the log last gave something, or could first have: by the clock. */
  #fedMs: number
  #isChanged = false
  /** Buckets that were open after the last commit: another would not close them. */
  #standing: number
  #writtenBytes = 0

  private constructor(
    options: ProcessorOptions,
    epoch: number,
    meta: PartitionMeta | undefined,
    buckets: PartitionBuckets,
    state: PartitionState,
  ) {
    this.partition = options.partition
    this.epoch = epoch
    this.#options = options
    this.#buckets = buckets
    this.#state = state
    this.#producers = meta === undefined ? new ProducerWindows() : ProducerWindows.decode(meta.producers)
    this.#counters = { ...noCounts(), ...meta?.counters }
    this.#committedOffset = meta?.offset ?? 0
    this.#committedStamp = meta?.stamp
    this.#offset = this.#committedOffset
    this.#watermarkMs = meta?.watermarkMs ?? 0
    this.#closedThroughMs = meta?.closedThroughMs ?? 0
    this.#fedMs = options.now()
    const { identify, bareFormat } = options
    this.#decoder = new RecordDecoder({
      defaultCluster: options.flows.defaultCluster,
      ...(identify === undefined ? {} : { identify }),
      ...(bareFormat === undefined ? {} : { bareFormat }),
    })
    this.#dictionary = this.#decoder.columns.dictionary
    this.#flows = new FlowTable(this.#dictionary, options.flows)
    this.#standing = buckets.open.size
  }

  /** Becomes the partition's only writer and loads what it needs to go on. */
  static async claim(options: ProcessorOptions): Promise<PartitionProcessor> {
    const claim = await options.store.claim(options.partition)
    const buckets = new PartitionBuckets(options.limits)
    const state = await PartitionState.load(options.store, claim, buckets)
    return new PartitionProcessor(options, claim.epoch, claim.meta, buckets, state)
  }

  /** Offset of the next record wanted. */
  get offset(): number {
    return this.#offset
  }

  get counters(): Readonly<PartitionCounters> {
    return this.#counters
  }

  get watermarkMs(): number {
    return this.#watermarkMs
  }

  /** Series in the running totals, and buckets that are not closed. */
  get held(): { readonly series: number; readonly openBuckets: number } {
    return { series: this.#state.series, openBuckets: this.#buckets.open.size }
  }

  /** Times that a series of a 10 s bucket was counted in `__overflow__`. */
  get overflowedSeries(): number {
    let overflowed = this.#state.overflowed
    for (const { rollup } of this.#buckets.open.values()) overflowed += rollup.overflowed
    return overflowed
  }

  /** Whether something was folded since the last commit. */
  get isChanged(): boolean {
    return this.#isChanged
  }

  /** Whether memory asks for a commit before its time. */
  get isCommitDue(): boolean {
    const { open, late } = this.#buckets
    const begun = open.size + late.size - this.#standing
    if (begun > MAX_PENDING || this.#deadLetters.length > MAX_PENDING) return true
    if (this.#deadLetterBytes > MAX_LETTER_BYTES) return true
    return begun > FEW_BUCKETS && this.#buckets.flowBytes > MAX_PENDING_BYTES
  }

  /** Bytes of the last commit: of its blobs and of the producers' windows. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /**
   * Folds records in order of offset, until a commit is due; those before `offset` were folded already and are skipped.
   * Answers how many of them it is done with, one at least: the others are to be given after the commit.
   */
  process(records: readonly StoredRecord[], endOffset: number): number {
    let done = 0
    for (const record of records) {
      if (done > 0 && this.isCommitDue) break
      done++
      if (record.offset < this.#offset) continue
      // The log has gaps where retention deleted what was not read yet: lost to meshtap, so it is counted.
      if (record.offset > this.#offset) this.#counters.missingOffsets += record.offset - this.#offset
      this.#processRecord(record)
      this.#offset = record.offset + 1
      this.#isChanged = true
    }
    this.#isCaughtUp = this.#offset >= endOffset
    if (Number.isFinite(endOffset)) this.#endOffset = endOffset
    this.#fedMs = this.#options.now()
    return done
  }

  /**
   * Commits all that was folded, and the time up to which that is. Atomic: afterwards either all of it is in the store
   * or nothing.
   */
  async commit(): Promise<CommitOutcome> {
    if (this.#deadLetters.length > 0) {
      const letters = this.#deadLetters
      await this.#options.setAside(this.partition, letters)
      this.#deadLetters = []
      this.#deadLetterBytes = 0
    }
    const nowMs = this.#options.now()
    // A log that holds nothing more never calls to say so: after a claim, silence is all there is to go by. Where it is
    // known to hold more, silence says that it does not answer. A partition of which nothing ever came has no watermark.
    const isSilent = nowMs - this.#fedMs >= IDLE_CLOSE_MS
    if (isSilent && this.#offset > 0 && this.#offset >= (this.#endOffset ?? 0)) this.#isCaughtUp = true
    this.#advanceWatermark(nowMs)
    this.#buckets.drain()
    const closing = this.#close(nowMs)
    const changes = await this.#state.changes(this.#buckets, {
      closing,
      nowMs,
      heardMs: this.#watermarkMs,
    })
    const stamp = randomUUID()
    const producers = this.#producers.encode()
    const outcome = await this.#options.store.commit({
      partition: this.partition,
      epoch: this.epoch,
      expectedOffset: this.#committedOffset,
      ...(this.#committedStamp === undefined ? {} : { expectedStamp: this.#committedStamp }),
      meta: {
        offset: this.#offset,
        watermarkMs: this.#watermarkMs,
        closedThroughMs: this.#closedThroughMs,
        openMs: [...this.#buckets.open.keys()].toSorted((a, b) => a - b),
        producers,
        counters: { ...this.#counters },
        stamp,
      },
      ...changes,
    })
    if (outcome.kind === 'committed') {
      this.#committedOffset = this.#offset
      this.#committedStamp = stamp
      this.#isChanged = false
      this.#standing = this.#buckets.open.size
      this.#writtenBytes = changes.writes.reduce(
        (sum, { blob }) => sum + (blob?.length ?? 0),
        producers.length,
      )
    }
    return outcome
  }

  #processRecord(record: StoredRecord): void {
    const counters = this.#counters
    counters.records++
    counters.bytes += record.value.length
    const result = this.#decoder.decode(record)
    if (result.kind === 'malformed') return this.#refuse(record, result.fault)
    const { columns } = this.#decoder
    if (columns.dictionary !== this.#dictionary) {
      this.#dictionary = columns.dictionary
      this.#flows = new FlowTable(columns.dictionary, this.#options.flows)
    }
    const nowMs = this.#options.now()
    let number: BatchNumber | undefined
    try {
      number = numberOf(columns, record)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      return this.#refuse(record, error.fault)
    }
    if (number !== undefined && !this.#isNew(number, nowMs)) {
      counters.duplicates++
      return
    }
    counters.requests += columns.requests
    counters.connections += columns.connections
    counters.unknownFields += columns.unknownFields
    counters.skippedSpans += columns.skipped
    this.#options.observe?.(columns, this.#options.flows.defaultCluster, record.offset)
    this.#buckets.fold(columns, this.#flows, { nowMs, closedThroughMs: this.#closedThroughMs }, counters)
    this.#heard(columns.timeMs, columns.requests, nowMs)
    this.#heard(columns.connectionTimeMs, columns.connections, nowMs)
  }

  #refuse(record: StoredRecord, fault: DecodeFault): void {
    this.#counters.deadLetters++
    // A copy: the value is the log's again when its batch is done with.
    this.#deadLetters.push({ record: { ...record, value: new Uint8Array(record.value) }, fault })
    this.#deadLetterBytes += record.value.length
  }

  #isNew({ producer, sequence }: BatchNumber, nowMs: number): boolean {
    const before = this.#producers.displaced
    const isNew = this.#producers.accept(producer, sequence, nowMs)
    this.#counters.forgottenProducers += this.#producers.displaced - before
    return isNew
  }

  /** Moves the newest time on. Times ahead of the clock say nothing of how far the log is read. */
  #heard(timeMs: Float64Array, events: number, nowMs: number): void {
    for (let i = 0; i < events; i++) {
      if (timeMs[i]! > this.#newestMs && timeMs[i]! <= nowMs) this.#newestMs = timeMs[i]!
    }
  }

  #advanceWatermark(nowMs: number): void {
    const reached = this.#isCaughtUp ? nowMs : Math.min(nowMs, this.#newestMs)
    this.#watermarkMs = Math.max(this.#watermarkMs, reached)
  }

  /** Moves `closedThroughMs` on and takes the buckets that it passes out of the open ones. */
  #close(nowMs: number): readonly number[] {
    const byEvents = Math.min(nowMs, this.#newestMs) - LATENESS_MS
    const byClock = this.#isCaughtUp ? nowMs - IDLE_CLOSE_MS : 0
    this.#closedThroughMs = Math.max(this.#closedThroughMs, bucketStart(FINEST, Math.max(byEvents, byClock)))
    return [...this.#buckets.open.keys()]
      .filter((startMs) => startMs + FINEST.bucketMs <= this.#closedThroughMs)
      .toSorted((a, b) => a - b)
  }
}

function noCounts(): PartitionCounters {
  return Object.fromEntries(COUNTERS.map((name) => [name, 0])) as PartitionCounters
}

/** The number of a batch: the value's own, else that of its record's headers. Throws a DecodeError. */
function numberOf(columns: EventColumns, { headers }: StoredRecord): BatchNumber | undefined {
  if (columns.sequence > 0) return columns
  return batchNumberOf(headers[NUMBER_HEADERS.producer], headers[NUMBER_HEADERS.sequence])
}
