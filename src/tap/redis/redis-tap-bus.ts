import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import { connectRedis, type RedisClient } from '../../redis/connect.ts'
import type { RedisSettings } from '../../redis/redis-url.ts'
import type { TapBus, TapFrame, TapRegistration } from '../tap-bus.ts'
import { closed, unavailable } from './attempts.ts'
import { ChannelUsers } from './channel-users.ts'
import { FrameListeners, type ReceivedCounts } from './frame-listeners.ts'
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
export interface RedisTapBusStats extends ReceivedCounts {
  /** Bytes of frames that Redis has not taken yet. */
  readonly queuedBytes: number
  /** Whether there is a connection to publish and register on. */
  readonly isReady: boolean
  /** Whether all subscriptions are in place. */
  readonly isWhole: boolean
  readonly published: number
  /** Frames that Redis did not take, or not whole. */
  readonly unpublished: number
  /** Registrations with a query that this version does not know. */
  readonly ignoredTaps: number
}

const DEFAULTS = {
  maxTaps: 1000,
  timeoutMs: 3000,
  syncMs: 1000,
  maxFrameBytes: 1024 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
} as const

type Report = (kind: TapBusTrouble['kind'], error: unknown) => void

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
  readonly #changes: string
  readonly #users: ChannelUsers
  readonly #frames: FrameListeners
  readonly #counts = { published: 0, unpublished: 0, ignoredTaps: 0 }
  #isClosed = false

  private constructor(client: RedisClient, pubSub: PubSubKind, report: Report, options: RedisTapBusOptions) {
    const { redis, maxTaps, timeoutMs, syncMs, maxFrameBytes, maxQueuedBytes } = { ...DEFAULTS, ...options }
    this.#frames = new FrameListeners((error) => report('frame', error))
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
    this.#users = new ChannelUsers(this.#subscriptions)
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
      ...this.#frames.counts,
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
    const leave = await this.#users.join(this.#changes)
    try {
      const unwatch = await this.#registry.watch(listener)
      return () => {
        unwatch()
        void leave()
      }
    } catch (error) {
      await leave()
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
    const remove = this.#frames.add(channel, listener)
    try {
      const leave = await this.#users.join(channel)
      return async () => {
        remove()
        await leave()
      }
    } catch (error) {
      remove()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#registry.close()
    this.#frames.clear()
    this.#subscriptions.close()
    this.#commands.close()
  }

  #hear(channel: string, message: Buffer): void {
    if (channel === this.#changes) this.#registry.hear(message.toString())
    else this.#frames.hear(channel, message)
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed()
  }
}
