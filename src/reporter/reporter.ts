import { randomUUID } from 'node:crypto'
import { Dictionary, type DictionaryLimits } from '../event/dictionary.ts'
import { encodeEventBatch } from '../event/event-batch-encoder.ts'
import type { ConnectionEvent, Header, MeshEvent, RequestEvent } from '../event/event.ts'
import { EventColumns } from '../event/event-columns.ts'
import { addEvent } from '../event/event-objects.ts'
import { type Fetch, type IngestAnswer, IngestClient, type SenderToken } from './ingest-client.ts'
import { type Log, SILENT } from './log.ts'
import { type Batch, SendQueue } from './send-queue.ts'
import { after, type After } from './timers.ts'

export interface ReporterLimits {
  /** Longest that an event waits for its batch to fill. */
  readonly flushMs: number
  /** Events of a batch. */
  readonly batchEvents: number
  /** Bytes of a batch, roughly: far below what a record of the log may have. */
  readonly batchBytes: number
  /** Batches kept until they are taken, at most 64: as many numbers back as the receiving side remembers. */
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
  /** Least time between two lines of the log about the same trouble. */
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
  /** Events that the ingest has. */
  readonly sent: number
  /** Batches that the ingest has. */
  readonly batches: number
  /** Tries that failed and were, or will be, repeated. */
  readonly retries: number
  /** Events in batches that the ingest refused for good. */
  readonly refused: number
  readonly dropped: Readonly<Record<DropReason, number>>
  /** Events, batches and bytes that wait now. */
  readonly pending: number
  readonly queuedBatches: number
  readonly queuedBytes: number
}

export interface ReporterOptions extends Partial<ReporterLimits> {
  /** `http://127.0.0.1:4318`, without `/v1/events`. */
  readonly ingestUrl: string
  /** Where the ingest asks for one. While it does not take it, events wait as if it were away. */
  readonly token?: SenderToken
  readonly log?: Log
  readonly fetch?: Fetch
  readonly after?: After
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Uniform in [0, 1). */
  readonly random?: () => number
  /** Unique for this reporter's life. */
  readonly producer?: string
}

/** A proxy sees few workloads and many paths: of both it keeps this much before it starts over. */
const DICTIONARY_LIMITS: DictionaryLimits = { symbolBytes: 2 * 1024 * 1024, flows: 20_000 }

/** Estimated bytes of an event aside from its texts. */
const EVENT_BYTES = 64

/**
 * Reports a proxy's events to meshtap's ingest, in numbered batches, so that a repeated one counts once.
 *
 * `report` neither blocks nor throws. While the ingest is away, batches wait and are tried again; when no more can wait,
 * the newest events are dropped, and counted by reason in `stats`.
 */
export class Reporter {
  readonly #limits: ReporterLimits
  readonly #log: Log
  readonly #after: After
  readonly #now: () => number
  readonly #producer: string
  readonly #queue: SendQueue
  readonly #ingestUrl: string
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
    this.#producer = options.producer ?? randomUUID()
    const client = new IngestClient(options.ingestUrl, options.fetch ?? fetch, {
      timeoutMs: limits.requestTimeoutMs,
      after: this.#after,
      now: this.#now,
      ...(options.token === undefined ? {} : { token: options.token }),
    })
    this.#ingestUrl = client.url
    this.#queue = new SendQueue({
      post: (bytes, signal) => client.post(bytes, signal),
      maxBatches: limits.queuedBatches,
      maxBytes: limits.queuedBytes,
      backoffMs: limits.backoffMs,
      maxBackoffMs: limits.maxBackoffMs,
      after: this.#after,
      random: options.random ?? Math.random,
      onSettled: (batch, answer) => this.#settled(batch, answer),
      onUnavailable: (answer) => this.#unavailable(answer),
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
    }
  }

  /** Takes an event for the next batch. */
  report(event: RequestEvent | ConnectionEvent): void {
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

  /** Sends what waits, and resolves when everything reported before is sent, refused or dropped. */
  flush(): Promise<void> {
    this.#seal()
    const left = this.#taken
    if (this.#left >= left) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ left, resolve }))
  }

  /** Takes no more events, and sends what waits, for at most `closeMs`. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    let cancel: (() => void) | undefined
    const deadline = new Promise<void>((resolve) => {
      cancel = this.#after(this.#limits.closeMs, resolve)
    })
    await Promise.race([this.flush(), deadline])
    cancel?.()
    this.#cancelFlush?.()
    const events = eventsIn(this.#columns) + this.#queue.abort().reduce((sum, { events }) => sum + events, 0)
    this.#columns.clear()
    if (events > 0) this.#drop('unsent', events)
    this.#leave(events)
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
      this.#queue.push({ bytes, events })
    } catch (error) {
      this.#drop('invalid', events, error)
      this.#leave(events)
    }
    if (columns.dictionary.overfull) this.#columns = new EventColumns(new Dictionary(DICTIONARY_LIMITS))
    else columns.clear()
    this.#columnsBytes = 0
    return true
  }

  #settled({ events }: Batch, answer: IngestAnswer & { kind: 'accepted' | 'refused' }): void {
    switch (answer.kind) {
      case 'accepted':
        this.#sent += events
        this.#batches++
        break
      case 'refused':
        this.#refused += events
        this.#warn('refused', `${this.#ingestUrl} refused a batch of ${events} events: ${answer.why}`)
        break
    }
    if (this.#isAway) {
      this.#isAway = false
      this.#log.info(`${this.#ingestUrl} takes events again`)
    }
    if (this.#isOverdue) this.#seal()
    this.#leave(events)
  }

  #unavailable({ kind, why }: IngestAnswer & { kind: 'denied' | 'unavailable' }): void {
    this.#retries++
    this.#isAway = true
    this.#warn(kind, `cannot send events to ${this.#ingestUrl}, and will try again: ${why}`)
  }

  #drop(reason: DropReason, events: number, error?: unknown): void {
    this.#dropped[reason] += events
    const why = error instanceof Error ? ` (${error.message})` : ''
    this.#warn(reason, `dropped events, ${this.#dropped[reason]} so far, reason ${reason}${why}`)
  }

  /** Says what happens again and again only now and then. */
  #warn(topic: string, message: string): void {
    const now = this.#now()
    const last = this.#lastLine.get(topic)
    if (last !== undefined && now - last < this.#limits.logPeriodMs) return
    this.#lastLine.set(topic, now)
    this.#log.warn(message)
  }

  #leave(events: number): void {
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
