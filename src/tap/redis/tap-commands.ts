import { Cluster } from 'ioredis'
import type { RedisClient } from '../../redis/connect.ts'
import { attempt, closed, unavailable, within } from './attempts.ts'
import { REGISTRY_KEYS } from './tap-keys.ts'
import type { Script } from './tap-scripts.ts'

/** How messages travel: to all nodes of a Cluster, or to those of the channel's slot. */
export type PubSubKind = 'plain' | 'sharded'

export interface TapCommandsOptions {
  readonly client: RedisClient
  readonly pubSub: PubSubKind
  /** Channel of changes of registrations. */
  readonly changes: string
  /** What a command may take until it is given up. */
  readonly timeoutMs: number
  /** Bytes of messages that Redis has not taken yet, past which more are refused. */
  readonly maxQueuedBytes: number
}

/** The connection that scripts and messages go out on. Everything fails with a `TapBusError`. */
export class TapCommands {
  readonly #options: TapCommandsOptions
  #queuedBytes = 0
  #isClosed = false

  constructor(options: TapCommandsOptions) {
    this.#options = options
  }

  /** Bytes of messages that were sent and are not known to have been taken. */
  get queuedBytes(): number {
    return Math.max(this.#queuedBytes, this.#unwrittenBytes)
  }

  get isReady(): boolean {
    return this.#options.client.status === 'ready'
  }

  /** Runs a script of registrations, each of which may run twice. */
  async run(script: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    const { timeoutMs, pubSub, changes } = this.#options
    const command = pubSub === 'sharded' ? 'spublish' : 'publish'
    const keys = [...REGISTRY_KEYS, changes]
    return attempt(
      timeoutMs,
      () => this.#isClosed,
      () => this.#eval(script, keys, [command, ...args]),
    )
  }

  /** Sends a message once, at most. Resolves when Redis has it. */
  async publish(channel: string, message: Uint8Array): Promise<void> {
    const { client, pubSub, timeoutMs, maxQueuedBytes } = this.#options
    if (!this.isReady) throw unavailable(`the connection to Redis is not ready, but ${client.status}`)
    const { queuedBytes } = this
    if (queuedBytes + message.length > maxQueuedBytes) {
      throw unavailable(
        `Redis has not taken ${queuedBytes} bytes of frames yet, and no more than ${maxQueuedBytes} may wait`,
      )
    }
    const bytes = Buffer.from(message.buffer, message.byteOffset, message.length)
    this.#queuedBytes += message.length
    try {
      const sent = pubSub === 'sharded' ? client.spublish(channel, bytes) : client.publish(channel, bytes)
      await within(timeoutMs, sent)
    } catch (error) {
      throw this.#isClosed ? closed() : unavailable(error)
    } finally {
      this.#queuedBytes -= message.length
    }
  }

  close(): void {
    this.#isClosed = true
    this.#options.client.disconnect()
  }

  /** What was given up after its time still waits in a socket until that takes it, or is gone as well. */
  get #unwrittenBytes(): number {
    const { client } = this.#options
    const servers = client instanceof Cluster ? client.nodes('master') : [client]
    return servers.reduce(
      (sum, { stream }) => sum + ((stream as typeof stream | undefined)?.writableLength ?? 0),
      0,
    )
  }

  async #eval(script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const { client } = this.#options
    try {
      return await client.evalsha(script.sha1, keys.length, ...keys, ...args)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return client.eval(script.text, keys.length, ...keys, ...args)
    }
  }
}
