import type { Subscriptions } from './subscriptions.ts'

interface Used {
  readonly there: Promise<void>
  users: number
}

/** Shares subscriptions: a channel is subscribed to from its first user to its last. */
export class ChannelUsers {
  readonly #subscriptions: Pick<Subscriptions, 'add' | 'remove'>
  readonly #used = new Map<string, Used>()

  constructor(subscriptions: Pick<Subscriptions, 'add' | 'remove'>) {
    this.#subscriptions = subscriptions
  }

  /** Resolves when the channel is subscribed to, with what ends the use. */
  async join(channel: string): Promise<() => Promise<void>> {
    let used = this.#used.get(channel)
    if (used === undefined) {
      used = { there: this.#subscriptions.add(channel), users: 0 }
      this.#used.set(channel, used)
    }
    used.users++
    try {
      await used.there
    } catch (error) {
      await this.#leave(channel, used)
      throw error
    }
    let isOver = false
    return async () => {
      if (isOver) return
      isOver = true
      await this.#leave(channel, used)
    }
  }

  async #leave(channel: string, used: Used): Promise<void> {
    used.users--
    if (used.users > 0 || this.#used.get(channel) !== used) return
    this.#used.delete(channel)
    await this.#subscriptions.remove(channel)
  }
}
