import { setImmediate } from 'node:timers/promises'
import type { RequestEvent } from '../event/event.ts'
import type { EventLog, PartitionId, RecordBatch, StoredRecord } from '../log/event-log.ts'
import type { TapQuery } from '../tap/tap-query.ts'
import type { ReplayPart, ReplayRequest, TapReplay, TapReplays } from '../tap/tap-replay.ts'
import { mergedRecords } from './merged-records.ts'
import { RecordMatcher, type RecordMatcherOptions } from './record-matcher.ts'

export interface ReplayLimits {
  /** Most events of one replay. */
  readonly events: number
  /** Longest time that one pass may read, waiting for its client not counted. */
  readonly passMs: number
  /** Most partitions, of each of which a batch of records is held. */
  readonly partitions: number
}

export const DEFAULT_REPLAY_LIMITS: ReplayLimits = { events: 1_000_000, passMs: 60_000, partitions: 256 }

export interface LogReplaysOptions extends Omit<RecordMatcherOptions, 'query'> {
  readonly log: EventLog
  readonly limits?: Partial<ReplayLimits>
}

/** How far back is looked for the last events, one after the other, until there are enough. */
const SPANS_MS = [60_000, 600_000, 3_600_000, 6 * 3_600_000, Number.POSITIVE_INFINITY]

/** A part is handed on with so many events, or after so long. */
const PART_EVENTS = 200
const PART_MS = 500

/** Other work of the process has its turn this often. */
const TURN_MS = 10

/** Replays taps from an event log. */
export class LogReplays implements TapReplays {
  readonly #options: LogReplaysOptions
  readonly #limits: ReplayLimits

  constructor(options: LogReplaysOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_REPLAY_LIMITS, ...options.limits }
  }

  async open(query: TapQuery, request: ReplayRequest): Promise<TapReplay> {
    const { log, topic } = this.#options
    const partitions = await log.partitions(topic)
    if (partitions.length > this.#limits.partitions) {
      throw new RangeError(
        `the log has ${partitions.length} partitions; at most ${this.#limits.partitions} are replayed`,
      )
    }
    return new LogReplay({ ...this.#options, query }, request, this.#limits)
  }
}

type Options = LogReplaysOptions & { readonly query: TapQuery }

interface Matches {
  readonly events: readonly RequestEvent[]
}

class LogReplay implements TapReplay {
  readonly #options: Options
  readonly #request: ReplayRequest
  readonly #limits: ReplayLimits
  #matcher: RecordMatcher
  #reached = new Map<PartitionId, number>()
  /** When the log took the last record read of a partition. */
  #times = new Map<PartitionId, number>()
  #isBegun = false
  /** From when a partition is read of which nothing was read yet. */
  #sinceMs: number
  #events = 0
  #toldSeen = 0
  #cut: string | undefined

  constructor(options: Options, request: ReplayRequest, limits: ReplayLimits) {
    this.#options = options
    this.#request = request
    this.#limits = limits
    this.#sinceMs = request.sinceMs ?? 0
    this.#matcher = new RecordMatcher(options)
  }

  get reached(): ReadonlyMap<string, number> {
    return this.#reached
  }

  get cut(): string | undefined {
    return this.#cut
  }

  async *pass(): AsyncGenerator<ReplayPart> {
    const { last } = this.#request
    const isFirst = !this.#isBegun
    this.#isBegun = true
    if (isFirst && last !== undefined) yield* this.#readLast(last)
    else yield* this.#read()
  }

  /** Reads what follows on what was read, or was taken since; hands it on as it comes. */
  async *#read(): AsyncGenerator<ReplayPart> {
    let events: RequestEvent[] = []
    let partMs = performance.now()
    for await (const matches of this.#matches()) {
      if (matches !== undefined) for (const event of matches.events) events.push(event)
      const isLimited = this.#events + events.length >= this.#limits.events
      if (isLimited) {
        this.#cut ??= `it has ${this.#limits.events} events, as many as are replayed`
        events = events.slice(0, this.#limits.events - this.#events)
      }
      if (events.length < PART_EVENTS && performance.now() - partMs < PART_MS && !isLimited) continue
      yield this.#part(events)
      events = []
      partMs = performance.now()
    }
    yield this.#part(events)
  }

  /** Looks for the last events in longer and longer spans, then hands them on. */
  async *#readLast(last: number): AsyncGenerator<ReplayPart> {
    const nowMs = this.#options.now()
    const leastMs = this.#sinceMs
    let seen = 0
    let found: RequestEvent[] = []
    for (const spanMs of SPANS_MS) {
      this.#sinceMs = Math.max(leastMs, nowMs - spanMs)
      found = []
      this.#matcher = new RecordMatcher(this.#options)
      this.#reached = new Map()
      this.#times = new Map()
      let partMs = performance.now()
      for await (const matches of this.#matches()) {
        for (const event of matches?.events ?? []) found.push(event)
        if (found.length > 2 * last + PART_EVENTS) found = found.slice(-last)
        if (performance.now() - partMs < PART_MS) continue
        partMs = performance.now()
        yield { events: [], seen: 0 }
      }
      seen = this.#matcher.seen
      if (found.length >= last || this.#sinceMs <= leastMs || this.#cut !== undefined) break
    }
    found = found.slice(-last)
    for (let at = 0; at < found.length; at += PART_EVENTS) {
      const events = found.slice(at, at + PART_EVENTS)
      yield { events, seen: at === 0 ? seen : 0 }
    }
    this.#toldSeen = seen
    this.#events += found.length
  }

  #part(events: readonly RequestEvent[]): ReplayPart {
    const seen = this.#matcher.seen - this.#toldSeen
    this.#toldSeen = this.#matcher.seen
    this.#events += events.length
    return { events, seen }
  }

  /** What matches, record by record; undefined now and then, where nothing does. Ends when a limit is reached. */
  async *#matches(): AsyncGenerator<Matches | undefined> {
    const { log, topic } = this.#options
    const partitions = await log.partitions(topic)
    const sources = partitions.map((partition) => ({
      partition,
      // By its time where one was read already: the first record of that time is no later.
      batches: this.#unread(partition, log.readSince(partition, this.#times.get(partition) ?? this.#sinceMs)),
    }))
    let turnMs = performance.now()
    let readMs = 0
    for await (const { partition, record } of mergedRecords(sources)) {
      this.#take(partition, record)
      const events = this.#matcher.match(partition, record)
      const nowMs = performance.now()
      if (events.length > 0) {
        readMs += nowMs - turnMs
        yield { events }
        turnMs = performance.now()
      } else if (nowMs - turnMs > TURN_MS) {
        readMs += nowMs - turnMs
        await setImmediate()
        yield undefined
        turnMs = performance.now()
      }
      if (readMs > this.#limits.passMs)
        this.#cut ??= `it took ${this.#limits.passMs / 1000} s, the longest it may`
      if (this.#cut !== undefined) return
    }
  }

  /** Without what was read before: a time may be of several records. */
  async *#unread(partition: PartitionId, batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
    const from = this.#reached.get(partition) ?? 0
    for await (const batch of batches) {
      const records = batch.records.filter(({ offset }) => offset >= from)
      if (records.length > 0) yield { ...batch, records }
    }
  }

  #take(partition: PartitionId, { offset, timestampMs }: StoredRecord): void {
    this.#reached.set(partition, offset + 1)
    this.#times.set(partition, timestampMs)
  }
}
