import { randomUUID } from 'node:crypto'
import { Dictionary, type DictionaryLimits } from '../event/dictionary.ts'
import { encodeEventBatch } from '../event/event-batch-encoder.ts'
import type { Header, MeshEvent } from '../event/event.ts'
import { EventColumns } from '../event/event-columns.ts'
import { addEvent } from '../event/event-objects.ts'
import { MAX_PRODUCER_BYTES } from '../event/limits.ts'
import type { BatchSink, NumberedBatch, SinkAnswer } from './batch-sink.ts'
import type { Fetch, SenderToken } from './ingest-client.ts'
import { IngestSink } from './ingest-sink.ts'
import { type Log, SILENT } from './log.ts'
import { SendQueue } from './send-queue.ts'
import type { Spool, SpoolStats } from './spool/spool.ts'
import { after, type After } from './timers.ts'

export interface ReporterLimits {
  /** Longest that an event waits for its batch to fill. */
  readonly flushMs: number
  /** Events of a batch. */
  readonly batchEvents: number
  /** Bytes of a batch, roughly: far below what a record of the log may have. */
  readonly batchBytes: number
  /** Batches kept in memory until they are taken, at most 64: as many numbers back as the receiving side remembers. */
  readonly queuedBatches: number
  /** Bytes of these, give or take a batch. */
  readonly queuedBytes: number
  /** For one try to hand a batch over. */
  readonly requestTimeoutMs: number
  /** Wait before the second try; it doubles from there. */
  readonly backoffMs: number
  readonly maxBackoffMs: number
  /** How long `close` waits for what is queued. */
  readonly closeMs: number
  /** Least time between two words about the same trouble, in the log and to `onTrouble`. */
  readonly logPeriodMs: number
}

export const DEFAULT_REPORTER_LIMITS: ReporterLimits = {
  flushMs: 200,
  batchEvents: 2000,
  batchBytes: 256 * 1024,
  queuedBatches: 16,
  queuedBytes: 4 * 1024 * 1024,
  requestTimeoutMs: 10_000,
  backoffMs: 100,
  maxBackoffMs: 10_000,
  closeMs: 5000,
  logPeriodMs: 10_000,
}

/** Why an event was not sent. */
export type DropReason =
  /** The ingest did not take events for so long that no more could be kept. */
  | 'queue-full'
  /** It was reported after `close`. */
  | 'closed'
  /** It was still queued when `close` ran out of time. */
  | 'unsent'
  /** It could not be encoded. */
  | 'invalid'

export interface ReporterStats {
  /** Events given to `report`. */
  readonly reported: number
  /** Events that the ingest, or sink, has; those that were in the spool at the start included. */
  readonly sent: number
  /** Batches that it has. */
  readonly batches: number
  /** Tries that failed and were, or will be, repeated. */
  readonly retries: number
  /** Events in batches that the ingest refused for good. */
  readonly refused: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Events, batches and bytes that wait in memory now. */
  readonly pending: number
  readonly queuedBatches: number
  readonly queuedBytes: number
  /** Undefined where there is none. */
  readonly spool: SpoolStats | undefined
}

/** What a program may want to know of, or to count. */
export interface ReporterTrouble {
  readonly kind:
    | DropReason
    /** The sink cannot take events now, or takes none from who shows this token. */
    | 'unavailable'
    | 'denied'
    /** The sink will never take a batch. */
    | 'refused'
    /** The spool cannot be written to, has removed its oldest events, or has lost some that could not be read. */
    | 'spool-failed'
    | 'spool-full'
    | 'spool-damaged'
  readonly message: string
}

export interface ReporterOptions extends Partial<ReporterLimits> {
  /** `http://127.0.0.1:4318`, without `/v1/events`. This or `sink`. */
  readonly ingestUrl?: string
  /** Where batches go that do not go to an ingest. The reporter closes it. */
  readonly sink?: BatchSink
  /** Where the ingest asks for one. While it does not take it, events wait as if it were away. */
  readonly token?: SenderToken
  /** Keeps what cannot be sent. The reporter closes it. */
  readonly spool?: Spool
  readonly log?: Log
  /** Told what the log is warned of. */
  readonly onTrouble?: (trouble: ReporterTrouble) => void
  readonly fetch?: Fetch
  readonly after?: After
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Uniform in [0, 1). */
  readonly random?: () => number
  /** Unique for this reporter's life, 1 to 256 bytes. */
  readonly producer?: string
}

/** A proxy sees few workloads and many paths: of both it keeps this much before it starts over. */
const DICTIONARY_LIMITS: DictionaryLimits = { symbolBytes: 2 * 1024 * 1024, flows: 20_000 }

/** Estimated bytes of an event aside from its texts. */
const EVENT_BYTES = 64

/**
 * Reports a proxy's events to meshtap's ingest, or to another sink, in numbered batches, so that a repeated one counts once.
 *
 * `report` neither blocks nor throws. While the sink is away, batches wait, in memory or in the spool, and are tried again.
 * When no more can wait in memory the newest events are dropped, in the spool the oldest, and counted by reason in `stats`.
 */
export class Reporter {
  readonly #limits: ReporterLimits
  readonly #log: Log
  readonly #after: After
  readonly #now: () => number
  readonly #producer: string
  readonly #queue: SendQueue
  readonly #sink: BatchSink
  readonly #spool: Spool | undefined
  readonly #onTrouble: ((trouble: ReporterTrouble) => void) | undefined
  readonly #dropped: Record<DropReason, number> = { 'queue-full': 0, closed: 0, unsent: 0, invalid: 0 }
  readonly #lastLine = new Map<string, number>()
  #columns = new EventColumns(new Dictionary(DICTIONARY_LIMITS))
  #columnsBytes = 0
  #sequence = 0
  #reported = 0
  /** Events that entered a batch, and of these the ones that are sent, refused or dropped by now: both in order. */
  #taken = 0
  #left = 0
  #sent = 0
  #batches = 0
  #retries = 0
  #refused = 0
  #cancelFlush: (() => void) | undefined
  /** A batch was due while the queue had no room: it goes as soon as there is. */
  #isOverdue = false
  #isAway = false
  #closing: Promise<void> | undefined
  /** Those who wait until that many events have left. */
  readonly #waiting: { readonly left: number; readonly resolve: () => void }[] = []

  /** Throws a TypeError or RangeError where an option cannot be. */
  constructor(options: ReporterOptions) {
    const limits = reporterLimits(options)
    this.#limits = limits
    this.#log = options.log ?? SILENT
    this.#after = options.after ?? after
    this.#now = options.now ?? Date.now
    this.#producer = producerOf(options)
    this.#onTrouble = options.onTrouble
    this.#spool = options.spool
    this.#sink = this.#sinkOf(options)
    if (this.#spool !== undefined) this.#watch(this.#spool)
    this.#queue = new SendQueue({
      sink: this.#sink,
      spool: options.spool,
      maxBatches: limits.queuedBatches,
      maxBytes: limits.queuedBytes,
      backoffMs: limits.backoffMs,
      maxBackoffMs: limits.maxBackoffMs,
      after: this.#after,
      random: options.random ?? Math.random,
      onSettled: (batch, answer) => this.#settled(batch, answer),
      onUnavailable: (answer) => this.#unavailable(answer),
      onLeft: (events) => this.#leave(events),
      onSpoolFailed: (error) => this.#spoolFailed(error),
    })
  }

  get stats(): ReporterStats {
    return {
      reported: this.#reported,
      sent: this.#sent,
      batches: this.#batches,
      retries: this.#retries,
      refused: this.#refused,
      dropped: { ...this.#dropped },
      pending: this.#taken - this.#left,
      queuedBatches: this.#queue.length,
      queuedBytes: this.#queue.bytes,
      spool: this.#spool?.stats,
    }
  }

  /** Takes an event for the next batch. */
  report(event: MeshEvent): void {
    this.#reported++
    if (this.#closing !== undefined) return this.#drop('closed', 1)
    if (this.#isFull && !this.#seal()) return this.#drop('queue-full', 1)
    try {
      addEvent(this.#columns, event)
    } catch (error) {
      return this.#drop('invalid', 1, error)
    }
    this.#taken++
    this.#columnsBytes += sizeOf(event)
    if (this.#isFull) this.#seal()
    else this.#cancelFlush ??= this.#after(this.#limits.flushMs, () => this.#seal())
  }

  /**
   * Sends what waits, and resolves when everything reported before is sent, refused or dropped; or is in the spool, which
   * is where it goes when the sink does not take it.
   */
  flush(): Promise<void> {
    this.#seal()
    const left = this.#taken
    if (this.#left >= left) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ left, resolve }))
  }

  /**
   * Takes no more events, and sends what waits, for at most `closeMs`. What is not sent by then goes to the spool, for the
   * next life of the program, or is dropped. Idempotent.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    let cancel: (() => void) | undefined
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#after(this.#limits.closeMs, resolve)
    })
    await Promise.race([this.flush(), deadline])
    cancel?.()
    this.#cancelFlush?.()
    await this.#queue.stop()
    if (this.#seal()) await this.#queue.spill()
    const events = eventsIn(this.#columns) + sumOfEvents(this.#queue.abandon())
    this.#columns.clear()
    if (events > 0) this.#drop('unsent', events)
    this.#leave(events)
    await this.#spool?.close()
    await this.#sink.close?.()
  }

  #sinkOf({ sink, ingestUrl, token, fetch: post = fetch }: ReporterOptions): BatchSink {
    if ((sink === undefined) === (ingestUrl === undefined)) {
      throw new TypeError('a reporter needs either the URL of an ingest or a sink')
    }
    if (sink !== undefined) return sink
    return new IngestSink(ingestUrl!, post, {
      timeoutMs: this.#limits.requestTimeoutMs,
      after: this.#after,
      now: this.#now,
      ...(token === undefined ? {} : { token }),
    })
  }

  get #isFull(): boolean {
    return (
      eventsIn(this.#columns) >= this.#limits.batchEvents || this.#columnsBytes >= this.#limits.batchBytes
    )
  }

  /** Queues the batch being filled; false where it must wait for room. */
  #seal(): boolean {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const columns = this.#columns
    const events = eventsIn(columns)
    if (events === 0) return true
    this.#isOverdue = !this.#queue.hasRoom
    if (this.#isOverdue) return false
    columns.producer = this.#producer
    columns.sequence = this.#sequence + 1
    try {
      const bytes = encodeEventBatch(columns)
      this.#sequence++
      this.#queue.push({ producer: this.#producer, sequence: this.#sequence, bytes, events })
    } catch (error) {
      this.#drop('invalid', events, error)
      this.#leave(events)
    }
    if (columns.dictionary.overfull) this.#columns = new EventColumns(new Dictionary(DICTIONARY_LIMITS))
    else columns.clear()
    this.#columnsBytes = 0
    return true
  }

  #settled({ events }: NumberedBatch, answer: SinkAnswer & { kind: 'accepted' | 'refused' }): void {
    switch (answer.kind) {
      case 'accepted':
        this.#sent += events
        this.#batches++
        break
      case 'refused':
        this.#refused += events
        this.#warn('refused', `${this.#sink.name} refused a batch of ${events} events: ${answer.why}`)
        break
    }
    if (this.#isAway) {
      this.#isAway = false
      this.#log.info(`${this.#sink.name} takes events again`)
    }
  }

  #unavailable({ kind, why }: SinkAnswer & { kind: 'denied' | 'unavailable' }): void {
    this.#retries++
    this.#isAway = true
    this.#warn(kind, `cannot send events to ${this.#sink.name}, and will try again: ${why}`)
  }

  #watch(spool: Spool): void {
    const { recovered, tornBytes } = spool.stats
    if (recovered > 0)
      this.#log.info(`${recovered} events that were not sent before are in ${spool.directory}`)
    if (tornBytes > 0) this.#warn('spool-damaged', `${tornBytes} bytes in ${spool.directory} are torn`)
    spool.onLost = (why, { lost }) => {
      const text = `lost events in ${spool.directory}, ${lost[why]} so far: `
      this.#warn(`spool-${why}`, text + (why === 'full' ? 'it is full' : 'a file cannot be read'))
    }
  }

  #spoolFailed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    this.#warn('spool-failed', `cannot write to ${this.#spool?.directory}, and will try again: ${why}`)
  }

  #drop(reason: DropReason, events: number, error?: unknown): void {
    this.#dropped[reason] += events
    const why = error instanceof Error ? ` (${error.message})` : ''
    this.#warn(reason, `dropped events, ${this.#dropped[reason]} so far, reason ${reason}${why}`)
  }

  /** Says what happens again and again only now and then. */
  #warn(kind: ReporterTrouble['kind'], message: string): void {
    const now = this.#now()
    const last = this.#lastLine.get(kind)
    if (last !== undefined && now - last < this.#limits.logPeriodMs) return
    this.#lastLine.set(kind, now)
    this.#log.warn(message)
    this.#onTrouble?.({ kind, message })
  }

  /** Events have left memory. */
  #leave(events: number): void {
    if (this.#isOverdue) this.#seal()
    this.#left += events
    while (this.#waiting.length > 0 && this.#waiting[0]!.left <= this.#left) this.#waiting.shift()!.resolve()
  }
}

function reporterLimits(options: Partial<ReporterLimits>): ReporterLimits {
  const limits = { ...DEFAULT_REPORTER_LIMITS }
  for (const name of Object.keys(limits) as (keyof ReporterLimits)[]) {
    const given = options[name]
    if (given === undefined) continue
    if (!(given >= 1)) throw new RangeError(`${name} is ${given}: it must be at least 1`)
    limits[name] = given
  }
  if (limits.queuedBatches > 64) {
    throw new RangeError(
      `queuedBatches is ${limits.queuedBatches}: a repeat is known among the last 64 at most`,
    )
  }
  return limits
}

function producerOf({ producer = randomUUID() }: ReporterOptions): string {
  const length = Buffer.byteLength(producer)
  if (length < 1 || length > MAX_PRODUCER_BYTES) {
    throw new RangeError(`a producer must have 1 to ${MAX_PRODUCER_BYTES} bytes, not ${length}`)
  }
  return producer
}

function sumOfEvents(batches: readonly NumberedBatch[]): number {
  return batches.reduce((sum, { events }) => sum + events, 0)
}

function eventsIn(columns: EventColumns): number {
  return columns.requests + columns.connections
}

/** Bytes that the event may add to its batch, if none of its long texts repeats. */
function sizeOf(event: MeshEvent): number {
  if (event.kind === 'connection') return EVENT_BYTES
  const texts = (event.path?.length ?? 0) + (event.authority?.length ?? 0) + (event.reason?.length ?? 0)
  return EVENT_BYTES + texts + headerBytes(event.requestHeaders) + headerBytes(event.responseHeaders)
}

function headerBytes(headers: readonly Header[] | undefined): number {
  return headers?.reduce((sum, { name, value }) => sum + name.length + value.length, 0) ?? 0
}
