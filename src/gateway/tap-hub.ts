import { randomUUID } from 'node:crypto'
import { formatTapQuery } from '../tap/format-tap-query.ts'
import { HeldBudget } from '../tap/lowest.ts'
import { SLICE_MS } from '../tap/sampling.ts'
import { type TapBus, TapBusError } from '../tap/tap-bus.ts'
import type { TapQuery } from '../tap/tap-query.ts'
import * as timers from '../tap/timers.ts'
import type { ReplayRequest, TapReplays } from '../tap/tap-replay.ts'
import { LiveGate } from './live-gate.ts'
import { logAway, noLog } from './replay-problems.ts'
import { ReplayingTapSession } from './replaying-session.ts'
import { SharedTap } from './shared-tap.ts'
import { QueuedTapSession, type TapSession } from './tap-session.ts'

/** A registration lives this long after its gateway was last heard of. */
const TTL_MS = 30_000

const REFRESH_MS = TTL_MS / 3

export interface TapHubLimits {
  readonly sessions: number
  /** Different queries at a time. */
  readonly taps: number
  /**
   * Bytes that all sessions may hold together, waiting or on their way to clients; each may hold an equal share, and at most
   * its own limit.
   */
  readonly queueBytes: number
  /** Replays under way at a time. */
  readonly replays: number
  /** Events held for all taps until it is decided which are sent. */
  readonly heldEvents: number
}

export const DEFAULT_TAP_HUB_LIMITS: TapHubLimits = {
  sessions: 1000,
  taps: 200,
  queueBytes: 256 * 1024 * 1024,
  replays: 2,
  heldEvents: 100_000,
}

export interface TapClient {
  /** Bytes of frames that may wait for this client before its oldest are dropped. */
  readonly maxQueueBytes?: number
  /** What of the past is shown first. */
  readonly replay?: ReplayRequest
  /** The places that the query was narrowed to, if it was: told in the first frame. */
  readonly narrowedTo?: readonly string[] | undefined
}

const DEFAULT_QUEUE_BYTES = 4 * 1024 * 1024

export interface TapHubOptions {
  readonly bus: TapBus
  /** Where the past is read; without it a tap has none. */
  readonly replays?: TapReplays
  /** Within this time of its registration every worker evaluates a tap, milliseconds; by default at once. */
  readonly settleMs?: number
  readonly limits?: Partial<TapHubLimits>
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Uniform in [0, 1). */
  readonly random?: () => number
  readonly every?: timers.Every
  readonly sleep?: (ms: number) => Promise<void>
  /** A new id, unlike any other gateway's. */
  readonly newId?: () => string
  /** Told when the bus fails a tap that is open. Its sessions go on, as they may hear of workers again. */
  readonly onTrouble?: (error: unknown) => void
}

export interface TapHubStats {
  readonly sessions: number
  readonly taps: number
  /** Replays under way. */
  readonly replays: number
  readonly queuedBytes: number
  /** Bytes on their way to clients. */
  readonly inFlightBytes: number
  /** Events sent since the hub began, once for each session. */
  readonly sentEvents: number
  /** Bytes of the messages that they were in. */
  readonly sentBytes: number
  /** Events that sessions lost because their clients read too slowly, or the bus lost them. */
  readonly droppedEvents: number
  /** Of those, what the bus lost. */
  readonly lostEvents: number
  /** Failures of the bus since the hub began. */
  readonly busErrors: number
}

interface Opened {
  readonly tap: SharedTap
  /** Sessions, and callers of `open` that wait for theirs. */
  users: number
  /** When it was registered, epoch milliseconds. */
  registeredMs: number
  readonly subscribed: Promise<() => Promise<void>>
}

/** Fans taps out: a registration a query, however many sessions look at it. */
export class TapHub {
  readonly #options: TapHubOptions
  readonly #limits: TapHubLimits
  readonly #now: () => number
  readonly #budget: HeldBudget
  /** By the query's canonical text. */
  readonly #taps = new Map<string, Opened>()
  readonly #sessions = new Set<QueuedTapSession>()
  /** Taps that are being taken out of the bus. */
  readonly #leaving = new Set<Promise<void>>()
  /** Counts of sessions that were closed. */
  readonly #gone = { sent: 0, sentBytes: 0, dropped: 0, lost: 0 }
  #opening = 0
  #replays = 0
  #busErrors = 0
  #isClosed = false
  #cancelTimers: (() => void) | undefined

  constructor(options: TapHubOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_TAP_HUB_LIMITS, ...options.limits }
    this.#now = options.now ?? Date.now
    this.#budget = new HeldBudget(this.#limits.heldEvents)
  }

  get limits(): TapHubLimits {
    return this.#limits
  }

  get stats(): TapHubStats {
    const sum = { ...this.#gone }
    let [queuedBytes, inFlightBytes] = [0, 0]
    for (const session of this.#sessions) {
      queuedBytes += session.queuedBytes
      inFlightBytes += session.inFlightBytes
      addCounts(sum, session)
    }
    return {
      sessions: this.#sessions.size,
      taps: this.#taps.size,
      replays: this.#replays,
      queuedBytes,
      inFlightBytes,
      sentEvents: sum.sent,
      sentBytes: sum.sentBytes,
      droppedEvents: sum.dropped,
      lostEvents: sum.lost,
      busErrors: this.#busErrors,
    }
  }

  /**
   * Opens a session. Rejects with a `TapBusError`: `TAP_LIMIT` where there are too many, else when the bus does not take
   * the tap.
   */
  async open(query: TapQuery, client: TapClient = {}): Promise<TapSession> {
    if (client.replay !== undefined) return this.#openReplay(query, client, client.replay)
    return (await this.#openLive(query, client)).session
  }

  /** A session that begins with the past. Rejects as `open` does, and where there is no log, or it does not answer. */
  async #openReplay(query: TapQuery, client: TapClient, request: ReplayRequest): Promise<TapSession> {
    const { replays, settleMs = 0, sleep = timers.sleep } = this.#options
    if (replays === undefined) throw noLog()
    const limit = this.#limits.replays
    if (this.#replays >= limit) {
      throw new TapBusError(
        'TAP_LIMIT',
        `${limit} replays are under way here, as many as are allowed at a time`,
      )
    }
    this.#replays++
    try {
      const replay = await replays.open(query, request).catch((error: unknown) => {
        throw logAway(error)
      })
      const { session: live, opened } = await this.#openLive(query, client, true)
      return new ReplayingTapSession({
        live,
        replay,
        totals: () => opened.tap.totals,
        settledMs: opened.registeredMs + settleMs,
        now: this.#now,
        sleep,
        onReplayed: () => this.#replays--,
      })
    } catch (error) {
      this.#replays--
      throw error
    }
  }

  async #openLive(
    query: TapQuery,
    { maxQueueBytes = DEFAULT_QUEUE_BYTES, narrowedTo }: TapClient,
    isGated = false,
  ): Promise<{ readonly session: QueuedTapSession; readonly opened: Opened }> {
    this.#checkLimits()
    const key = formatTapQuery(query)
    const opened = this.#taps.get(key) ?? this.#begin(key, query)
    opened.users++
    this.#opening++
    try {
      await opened.subscribed
      if (this.#isClosed) throw closed()
    } catch (error) {
      void this.#leave(key, opened)
      throw error
    } finally {
      this.#opening--
    }
    const session = new QueuedTapSession({
      maxQueueBytes,
      totals: opened.tap.totals,
      nowMs: this.#now(),
      narrowedTo,
      onClose: async () => {
        opened.tap.sessions.delete(session)
        this.#sessions.delete(session)
        addCounts(this.#gone, session)
        this.#share()
        await this.#leave(key, opened)
      },
    })
    if (isGated) session.gate = new LiveGate(maxQueueBytes)
    opened.tap.sessions.add(session)
    this.#sessions.add(session)
    this.#share()
    return { session, opened }
  }

  /** Ends all sessions and takes the taps out of the bus. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const session of this.#sessions) session.end()
    for (const [key, opened] of this.#taps) void this.#remove(key, opened)
    await Promise.all(this.#leaving)
  }

  #checkLimits(): void {
    if (this.#isClosed) throw closed()
    const { sessions } = this.#limits
    if (this.#sessions.size + this.#opening >= sessions) {
      throw new TapBusError(
        'TAP_LIMIT',
        `${sessions} taps are open here already, as many as are allowed at a time`,
      )
    }
  }

  #begin(key: string, query: TapQuery): Opened {
    const { taps } = this.#limits
    if (this.#taps.size >= taps) {
      throw new TapBusError(
        'TAP_LIMIT',
        `taps with ${taps} different queries are open here already, as many as are allowed at a time`,
      )
    }
    const { random = Math.random, newId = randomUUID } = this.#options
    const tap = new SharedTap({ id: newId(), query, nowMs: this.#now(), random, budget: this.#budget })
    const opened: Opened = {
      tap,
      users: 0,
      registeredMs: Number.POSITIVE_INFINITY,
      subscribed: this.#subscribe(tap).then((unsubscribe) => {
        opened.registeredMs = this.#now()
        return unsubscribe
      }),
    }
    this.#taps.set(key, opened)
    this.#startTimers()
    return opened
  }

  /** Subscribes before it registers, so that no frame is missed. */
  async #subscribe(tap: SharedTap): Promise<() => Promise<void>> {
    const { bus } = this.#options
    const unsubscribe = await bus.subscribe(tap.id, (frame) => tap.hear(frame, this.#now()))
    try {
      await bus.register(tap.registration, TTL_MS)
      return unsubscribe
    } catch (error) {
      await unsubscribe().catch((trouble: unknown) => this.#trouble(trouble))
      throw error
    }
  }

  async #leave(key: string, opened: Opened): Promise<void> {
    opened.users--
    if (opened.users === 0) await this.#remove(key, opened)
  }

  #remove(key: string, opened: Opened): Promise<void> {
    if (this.#taps.get(key) !== opened) return Promise.resolve()
    this.#taps.delete(key)
    if (this.#taps.size === 0) this.#stopTimers()
    const leaving = this.#unsubscribe(opened).finally(() => this.#leaving.delete(leaving))
    this.#leaving.add(leaving)
    return leaving
  }

  async #unsubscribe({ tap, subscribed }: Opened): Promise<void> {
    tap.discard()
    let unsubscribe
    try {
      unsubscribe = await subscribed
    } catch {
      // Whoever opened it was told.
      return
    }
    // At once, as each may take its time where the bus does not answer, and closing waits for it.
    const stops = [this.#options.bus.unregister(tap.id), unsubscribe()]
    await Promise.all(stops.map((stop) => stop.catch((trouble: unknown) => this.#trouble(trouble))))
  }

  #share(): void {
    const bytes = Math.floor(this.#limits.queueBytes / Math.max(1, this.#sessions.size))
    for (const session of this.#sessions) session.share = bytes
  }

  #startTimers(): void {
    const { every = timers.every } = this.#options
    if (this.#cancelTimers !== undefined) return
    const cancelTicks = every(SLICE_MS, () => {
      const nowMs = this.#now()
      for (const { tap } of this.#taps.values()) tap.tick(nowMs)
    })
    const cancelRefresh = every(REFRESH_MS, () => {
      for (const { tap } of this.#taps.values()) void this.#refresh(tap)
    })
    this.#cancelTimers = () => {
      cancelTicks()
      cancelRefresh()
    }
  }

  #stopTimers(): void {
    this.#cancelTimers?.()
    this.#cancelTimers = undefined
  }

  async #refresh(tap: SharedTap): Promise<void> {
    try {
      await this.#options.bus.register(tap.registration, TTL_MS)
    } catch (error) {
      this.#trouble(error)
    }
  }

  #trouble(error: unknown): void {
    this.#busErrors++
    this.#options.onTrouble?.(error)
  }
}

interface SessionCounts {
  sent: number
  sentBytes: number
  dropped: number
  lost: number
}

function addCounts(to: SessionCounts, { counts, sentBytes, lost }: QueuedTapSession): void {
  to.sent += counts.sent
  to.sentBytes += sentBytes
  to.dropped += counts.dropped
  to.lost += lost
}

function closed(): TapBusError {
  return new TapBusError('TAP_BUS_CLOSED', 'the gateway is closing')
}
