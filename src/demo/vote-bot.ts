import { EMOJIS, FAILING_SHORTCODE } from './emojis.ts'
import type { MeshClient } from './mesh-client.ts'

export interface VoteBotOptions {
  readonly client: MeshClient
  /** Where web is. */
  readonly authority: string
  /** Requests a second in the whole mesh, on average. */
  readonly rps: number
  /** Uniform in [0, 1). */
  readonly random: () => number
}

const LIST_SHARE = 0.5
const LEADERBOARD_SHARE = 0.1
const FAILING_SHARE = 0.15
const TYPO_SHARE = 0.02

/** Requests that a round leads to, on average: a vote is three of them, a list two, the leaderboard five. */
const REQUESTS_A_ROUND = 3 + 2 * LIST_SHARE + 5 * LEADERBOARD_SHARE

/** Rounds under way at once; when the mesh is that slow, the next ones are left out. */
const MAX_ROUNDS = 16

/** The one who uses the mesh: looks at the list now and then, and votes. */
export class VoteBot {
  readonly #options: VoteBotOptions
  readonly #rounds = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(options: VoteBotOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule()
  }

  /** Begins no more rounds, and resolves when those under way are over, but at `limitMs` at the latest. */
  async stop(limitMs: number): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    let limit: NodeJS.Timeout | undefined
    const timeUp = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, limitMs)
    })
    await Promise.race([Promise.all(this.#rounds), timeUp])
    clearTimeout(limit)
  }

  #schedule(): void {
    const { rps, random } = this.#options
    const meanMs = (1000 * REQUESTS_A_ROUND) / rps
    this.#timer = setTimeout(
      () => {
        if (this.#rounds.size < MAX_ROUNDS) this.#begin()
        this.#schedule()
      },
      meanMs * (0.5 + random()),
    )
  }

  #begin(): void {
    const round = this.#round().finally(() => this.#rounds.delete(round))
    this.#rounds.add(round)
  }

  async #round(): Promise<void> {
    const { client, authority, random } = this.#options
    const get = async (path: string): Promise<void> => {
      if (!this.#isStopped) await client.call({ authority, path, traceparent: traceparent(random) })
    }
    if (random() < LIST_SHARE) await get('/api/list')
    await get(`/api/vote?choice=${this.#choice()}`)
    if (random() < LEADERBOARD_SHARE) await get('/leaderboard')
  }

  #choice(): string {
    const { random } = this.#options
    const share = random()
    if (share < FAILING_SHARE) return FAILING_SHORTCODE
    if (share < FAILING_SHARE + TYPO_SHARE) return ':unicron:'
    return EMOJIS[Math.floor(random() * EMOJIS.length)]!.shortcode
  }
}

/** A new trace, as W3C writes it. */
function traceparent(random: () => number): string {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(random() * 16).toString(16)).join('')
  return `00-${hex(32)}-${hex(16)}-01`
}
