import type { Redis } from 'ioredis'
import * as timers from '../timers.ts'
import { attempt, within } from './attempts.ts'
import type { PubSubKind } from './tap-commands.ts'

/** A server to subscribe at: host and port of a Cluster's node, `''` where there is only one server. */
export type Place = string

export interface SubscriptionsOptions {
  readonly pubSub: PubSubKind
  /** Servers to begin with; of a Cluster with sharded channels, one that is asked names the right one. */
  readonly places: () => readonly Place[]
  /** Opens a connection for subscriptions, which nobody else uses; resolves when it is ready. */
  readonly connect: (place: Place) => Promise<Redis>
  /** Whether a connection that breaks is given up, rather than made again by itself. */
  readonly hasOtherPlaces: boolean
  readonly onMessage: (channel: string, message: Buffer) => void
  readonly onTrouble: (error: unknown) => void
  readonly timeoutMs: number
}

/** Channels that lost their server are looked after this often. */
const HEAL_MS = 500

const PING_MS = 5000

/** How long moved slots are collected until their channels are subscribed to anew. */
const MOVED_MS = 100

/** Redirections that one subscription follows. */
const MAX_HOPS = 5

interface Subscribed {
  readonly channel: string
  /** Where it is subscribed to; undefined until then, and while that server is away. */
  place: Place | undefined
  placing: Promise<void> | undefined
}

interface Connection {
  readonly opened: Promise<Redis>
  /** Once it is opened. */
  client: Redis | undefined
}

/**
 * Keeps channels subscribed to, whatever becomes of connections and slots: what is wanted is compared with what is there
 * whenever a connection comes or goes, and twice a second where something is missing.
 *
 * One connection; of a Cluster with sharded channels, one to each master that has some.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions
  readonly #wanted = new Map<string, Subscribed>()
  readonly #connections = new Map<Place, Connection>()
  readonly #moved = new Map<Place, () => void>()
  #cancelTimers: (() => void) | undefined
  #isClosed = false

  constructor(options: SubscriptionsOptions) {
    this.#options = options
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Whether all channels are subscribed to at present. */
  get isWhole(): boolean {
    return [...this.#wanted.values()].every(({ place }) => place !== undefined)
  }

  /** Resolves when Redis has the subscription; where it rejects, nothing is kept. */
  async add(channel: string): Promise<void> {
    if (this.#wanted.has(channel)) throw new Error(`BUG: ${channel} is subscribed to twice`)
    const subscribed: Subscribed = { channel, place: undefined, placing: undefined }
    this.#wanted.set(channel, subscribed)
    this.#startTimers()
    try {
      await attempt(
        this.#options.timeoutMs,
        () => this.#isClosed,
        () => this.#placeOnce(subscribed),
      )
    } catch (error) {
      if (this.#wanted.get(channel) === subscribed) this.#wanted.delete(channel)
      throw error
    }
  }

  /** Ends a subscription. What does not reach Redis ends with the connection. */
  async remove(channel: string): Promise<void> {
    const subscribed = this.#wanted.get(channel)
    if (subscribed === undefined) return
    this.#wanted.delete(channel)
    await within(this.#options.timeoutMs, this.#unsubscribe(subscribed)).catch((error: unknown) =>
      this.#options.onTrouble(error),
    )
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimers?.()
    for (const cancel of this.#moved.values()) cancel()
    this.#wanted.clear()
    for (const { client } of this.#connections.values()) client?.disconnect()
    this.#connections.clear()
  }

  #placeOnce(subscribed: Subscribed): Promise<void> {
    subscribed.placing ??= this.#place(subscribed).finally(() => {
      subscribed.placing = undefined
    })
    return subscribed.placing
  }

  async #place(subscribed: Subscribed): Promise<void> {
    const { pubSub, places } = this.#options
    const { channel } = subscribed
    let place = subscribed.place ?? this.#readyPlace() ?? places()[0]
    for (let hop = 0; hop < MAX_HOPS && place !== undefined; hop++) {
      const client = await this.#connectionTo(place)
      try {
        await (pubSub === 'sharded' ? client.ssubscribe(channel) : client.subscribe(channel))
      } catch (error) {
        subscribed.place = undefined
        place = movedTo(error)
        if (place === undefined) throw error
        continue
      }
      subscribed.place = place
      // Nobody waits for it any more.
      if (!this.#wanted.has(channel)) await this.#unsubscribe(subscribed)
      return
    }
    throw new Error(`Connection is closed: no Redis server takes the subscription to ${channel}`)
  }

  async #unsubscribe({ channel, place }: Subscribed): Promise<void> {
    const client = place === undefined ? undefined : this.#connections.get(place)?.client
    if (client?.status !== 'ready') return
    await (this.#options.pubSub === 'sharded' ? client.sunsubscribe(channel) : client.unsubscribe(channel))
  }

  #readyPlace(): Place | undefined {
    for (const [place, { client }] of this.#connections) if (client?.status === 'ready') return place
    return undefined
  }

  #connectionTo(place: Place): Promise<Redis> {
    const known = this.#connections.get(place)
    if (known !== undefined) return known.opened
    const connection: Connection = {
      opened: this.#options.connect(place).then(
        (client) => this.#opened(place, connection, client),
        (error: unknown) => {
          this.#drop(place, connection)
          throw error
        },
      ),
      client: undefined,
    }
    this.#connections.set(place, connection)
    return connection.opened
  }

  #opened(place: Place, connection: Connection, client: Redis): Redis {
    const { pubSub, onMessage, hasOtherPlaces } = this.#options
    connection.client = client
    if (this.#isClosed) client.disconnect()
    // Channels are restored here, and to where they belong.
    client.options.autoResubscribe = false
    client.on(pubSub === 'sharded' ? 'smessageBuffer' : 'messageBuffer', (channel: Buffer, message: Buffer) =>
      onMessage(channel.toString(), message),
    )
    client.on('ready', () => this.#heal())
    client.on('close', () => {
      // One that was given up may say so again when there is another to the same place.
      if (this.#connections.get(place) !== connection) return
      this.#forgetPlace(place)
      if (!hasOtherPlaces) return
      client.disconnect()
      this.#drop(place, connection)
    })
    // A slot went away from the server, or one that was asked for is not there.
    client.on('moved', () => this.#checkSoon(place))
    return client
  }

  #drop(place: Place, connection: Connection): void {
    if (this.#connections.get(place) === connection) this.#connections.delete(place)
  }

  #forgetPlace(place: Place): void {
    for (const subscribed of this.#wanted.values()) {
      if (subscribed.place === place) subscribed.place = undefined
    }
  }

  #checkSoon(place: Place): void {
    if (this.#isClosed || this.#moved.has(place)) return
    const cancel = timers.after(MOVED_MS, () => {
      this.#moved.delete(place)
      for (const subscribed of this.#wanted.values()) {
        if (subscribed.place === place) this.#replace(subscribed)
      }
    })
    this.#moved.set(place, cancel)
  }

  #heal(): void {
    for (const subscribed of this.#wanted.values()) {
      if (subscribed.place === undefined) this.#replace(subscribed)
    }
  }

  #replace(subscribed: Subscribed): void {
    this.#placeOnce(subscribed).catch((error: unknown) => this.#options.onTrouble(error))
  }

  #startTimers(): void {
    if (this.#cancelTimers !== undefined) return
    const cancelHeal = timers.every(HEAL_MS, () => this.#heal())
    const cancelPing = timers.every(PING_MS, () => {
      for (const { client } of this.#connections.values()) {
        // One that does not answer is cut by its own timeout.
        if (client?.status === 'ready') client.ping().catch(() => undefined)
      }
    })
    this.#cancelTimers = () => {
      cancelHeal()
      cancelPing()
    }
  }
}

/** The node that a Cluster says has the slot. */
function movedTo(error: unknown): Place | undefined {
  return error instanceof Error ? /^MOVED \d+ (\S+:\d+)$/.exec(error.message)?.[1] : undefined
}
