import { createHash } from 'node:crypto'
import type { RedisClient } from './connect.ts'

export type ScriptArgument = string | number | Buffer

/** A Lua script, sent by its hash; whole only to a server that does not have it (any more). */
export class RedisScript {
  readonly #text: string
  readonly #hash: string

  constructor(text: string) {
    this.#text = text
    this.#hash = createHash('sha1').update(text).digest('hex')
  }

  /** Runs it. What it answers comes as buffers, numbers, nulls and arrays of these. */
  async run(client: RedisClient, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await client.callBuffer('evalsha', [this.#hash, keys.length, ...keys, ...args])
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      return client.callBuffer('eval', [this.#text, keys.length, ...keys, ...args])
    }
  }
}
