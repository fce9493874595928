import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { connectRedis, type RedisClient } from '../../redis/connect.ts'
import type { RedisSettings } from '../../redis/redis-url.ts'
import type { TapBus, TapFrame, TapRegistration } from '../tap-bus.ts'
import { closed, unavailable } from './attempts.ts'
import { FrameCodec } from './frame-codec.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { placesOf, pubSubOf, settingsAt } from './redis-places.ts'
import { Subscriptions } from './subscriptions.ts'
import { type PubSubKind, TapCommands } from './tap-commands.ts'
import { changesChannel, eventsChannel } from './tap-keys.ts'
import { TapRegistry } from './tap-registry.ts'

/** What went wrong. Nothing stops for it, and it may come often. */
export interface TapBusTrouble {
  /**
   * - `connection`: the way to Redis failed, or what keeps registrations in step did.
   * - `frame`: a message on a tap's channel is no frame of this version, and is ignored.
   * - `registration`: a query is not known to this version; the tap is not evaluated here.
   */
  readonly kind: 'connection' | 'frame' | 'registration'
  readonly message: string
}

export interface RedisTapBusOptions {
  readonly redis: RedisSettings
  /** Registrations at a time, of all gateways together. */
  readonly maxTaps?: number
  /** Longest wait for Redis, milliseconds. */
  readonly timeoutMs?: number
  /** How frames travel; found out where it is not said. All processes of one Redis must agree. */
  readonly pubSub?: PubSubKind
  /** Redis is asked this often whether a change was missed, milliseconds. */
  readonly syncMs?: number
  /** Longest message, bytes. */
  readonly maxFrameBytes?: number
  /** Bytes of frames that Redis has not taken yet; what exceeds that is lost, and told as lost with later frames. */
  readonly maxQueuedBytes?: number
  readonly onTrouble?: (trouble: TapBusTrouble) => void
}

/** Counts since the bus was opened, but for `queuedBytes`, `isReady` and `isWhole`, which are as of now. */
export interface RedisTapBusStats {
  /** Bytes of frames that Redis has not taken yet. */
  readonly queuedBytes: number
  /** Whether there is a connection to publish and register on. */
  readonly isReady: boolean
  /** Whether all subscriptions are in place. */
  readonly isWhole: boolean
  readonly published: number
  /** Frames that Redis did not take, or not whole. */
  readonly unpublished: number
  readonly received: number
  /** Messages that were no frames of this version. */
  readonly ignoredFrames: number
  /** Frames that came twice or out of order. */
  readonly repeatedFrames: number
  /** Registrations with a query that this version does not know. */
  readonly ignoredTaps: number
  /** Candidates of others' frames that did not come through. */
  readonly lost: number
}

const DEFAULTS = {
  maxTaps: 1000,
  timeoutMs: 3000,
  syncMs: 1000,
  maxFrameBytes: 1024 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
} as const

type Report = (kind: TapBusTrouble['kind'], error: unknown) => void

interface Subscribed {
  readonly listeners: Set<{ readonly tell: (frame: TapFrame) => void }>
  readonly reader: FrameReader
  readonly there: Promise<void>
}

/**
 * Carries taps over Redis or Valkey: one server, Sentinels or a Cluster.
 *
 * Registrations live in two keys (`tap-scripts.ts`). A change is pushed to watchers; what a watcher misses it finds out
 * within a second (`syncMs`), which is also how much later than its time a registration may be gone. A bus registers again what
 * Redis forgot of its own registrations, for the rest of their time. Without an answer of Redis for 30 s watchers are told
 * of no taps.
 *
 * Frames go over pub/sub, in a Cluster of version 7 or later over the sharded one. Each says what its publisher counted
 * before it, so that the counts of what is lost, here or on the way, come with the next frame, as `lost`.
 */
export class RedisTapBus implements TapBus {
  readonly #commands: TapCommands
  readonly #subscriptions: Subscriptions
  readonly #registry: TapRegistry
  readonly #writer: FrameWriter
  readonly #codec = new FrameCodec()
  readonly #report: Report
  readonly #changes: string
  readonly #subscribed = new Map<string, Subscribed>()
  /** Of the channel of changes, while somebody watches. */
  #watching: { readonly there: Promise<void>; users: number } | undefined
  #counts = {
    published: 0,
    unpublished: 0,
    received: 0,
    ignoredFrames: 0,
    repeatedFrames: 0,
    ignoredTaps: 0,
    lost: 0,
  }
  #isClosed = false

  private constructor(client: RedisClient, pubSub: PubSubKind, report: Report, options: RedisTapBusOptions) {
    const { redis, maxTaps, timeoutMs, syncMs, maxFrameBytes, maxQueuedBytes } = { ...DEFAULTS, ...options }
    this.#report = report
    this.#changes = changesChannel(redis.kind === 'cluster' ? 0 : redis.db)
    this.#commands = new TapCommands({ client, pubSub, changes: this.#changes, timeoutMs, maxQueuedBytes })
    this.#writer = new FrameWriter({
      maxBytes: maxFrameBytes,
      newName: () => randomBytes(9).toString('base64url'),
    })
    const onTrouble = (error: unknown) => report('connection', error)
    this.#registry = new TapRegistry({
      commands: this.#commands,
      maxTaps,
      syncMs,
      onTrouble,
      onIgnored: (error) => {
        this.#counts.ignoredTaps++
        report('registration', error)
      },
    })
    this.#subscriptions = new Subscriptions({
      pubSub,
      places: () => placesOf(client),
      connect: (place) =>
        connectRedis(settingsAt(redis, place), {
          name: 'meshtap-tap-subscriber',
          timeoutMs,
          onError: onTrouble,
        }) as Promise<Redis>,
      hasOtherPlaces: redis.kind === 'cluster',
      onMessage: (channel, message) => this.#hear(channel, message),
      onTrouble,
      timeoutMs,
    })
    client.on('ready', () => this.#registry.syncSoon())
  }

  /** Connects. Rejects with `TAP_BUS_UNAVAILABLE` where that is not possible. */
  static async open(options: RedisTapBusOptions): Promise<RedisTapBus> {
    const { redis, timeoutMs = DEFAULTS.timeoutMs, onTrouble } = options
    const report: Report = (kind, error) =>
      onTrouble?.({ kind, message: error instanceof Error ? error.message : String(error) })
    try {
      const client = await connectRedis(redis, {
        name: 'meshtap-tap',
        timeoutMs,
        onError: (error) => report('connection', error),
      })
      try {
        const pubSub = options.pubSub ?? (await pubSubOf(client))
        return new RedisTapBus(client, pubSub, report, options)
      } catch (error) {
        client.disconnect()
        throw error
      }
    } catch (error) {
      throw unavailable(error)
    }
  }

  get stats(): RedisTapBusStats {
    return {
      queuedBytes: this.#commands.queuedBytes,
      isReady: this.#commands.isReady,
      isWhole: this.#subscriptions.isWhole,
      ...this.#counts,
    }
  }

  async register(tap: TapRegistration, ttlMs: number): Promise<void> {
    this.#checkOpen()
    await this.#registry.register(tap, ttlMs)
  }

  async unregister(id: string): Promise<void> {
    this.#checkOpen()
    await this.#registry.unregister(id)
  }

  async watch(listener: (taps: readonly TapRegistration[]) => void): Promise<() => void> {
    this.#checkOpen()
    const leave = await this.#watchChanges()
    try {
      const unwatch = await this.#registry.watch(listener)
      return () => {
        unwatch()
        leave()
      }
    } catch (error) {
      leave()
      throw error
    }
  }

  async publish(tapId: string, frame: TapFrame): Promise<void> {
    this.#checkOpen()
    if (!this.#commands.isReady) {
      this.#writer.skip(tapId, frame)
      this.#counts.unpublished++
      throw unavailable('there is no connection to Redis')
    }
    const channel = eventsChannel(tapId)
    try {
      await Promise.all(
        this.#writer.write(tapId, frame).map((message) => this.#commands.publish(channel, message)),
      )
      this.#counts.published++
    } catch (error) {
      this.#counts.unpublished++
      throw error
    }
  }

  async subscribe(tapId: string, listener: (frame: TapFrame) => void): Promise<() => Promise<void>> {
    this.#checkOpen()
    const channel = eventsChannel(tapId)
    let subscribed = this.#subscribed.get(channel)
    if (subscribed === undefined) {
      const there = this.#subscriptions.add(channel)
      subscribed = { listeners: new Set(), reader: new FrameReader(this.#codec), there }
      this.#subscribed.set(channel, subscribed)
    }
    const { listeners, there } = subscribed
    const subscriber = { tell: listener }
    listeners.add(subscriber)
    const leave = async () => {
      if (!listeners.delete(subscriber) || listeners.size > 0) return
      if (this.#subscribed.get(channel) !== subscribed) return
      this.#subscribed.delete(channel)
      await this.#subscriptions.remove(channel)
    }
    try {
      await there
    } catch (error) {
      await leave()
      throw error
    }
    return leave
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#registry.close()
    this.#subscribed.clear()
    this.#subscriptions.close()
    this.#commands.close()
  }

  /** Hears of changes until all that asked for it have left. */
  async #watchChanges(): Promise<() => void> {
    const watching = (this.#watching ??= { there: this.#subscriptions.add(this.#changes), users: 0 })
    watching.users++
    let isLeft = false
    const leave = () => {
      if (isLeft) return
      isLeft = true
      watching.users--
      if (watching.users > 0 || this.#watching !== watching) return
      this.#watching = undefined
      void this.#subscriptions.remove(this.#changes)
    }
    try {
      await watching.there
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  #hear(channel: string, message: Buffer): void {
    if (channel === this.#changes) {
      this.#registry.hear(message.toString())
      return
    }
    const subscribed = this.#subscribed.get(channel)
    if (subscribed === undefined) return
    const frame = this.#read(subscribed.reader, message)
    if (frame !== undefined) for (const { tell } of subscribed.listeners) tell(frame)
  }

  #read(reader: FrameReader, message: Buffer): TapFrame | undefined {
    try {
      const frame = reader.read(message)
      if (frame === undefined) this.#counts.repeatedFrames++
      else this.#counts.received++
      this.#counts.lost += frame?.lost ?? 0
      return frame
    } catch (error) {
      this.#counts.ignoredFrames++
      this.#report('frame', error)
      return undefined
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed()
  }
}
