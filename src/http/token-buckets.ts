/** Names of whom it is remembered how much they asked for; who was idle longest is forgotten first. */
const MAX_NAMES = 10_000

interface Bucket {
  tokens: number
  atMs: number
}

/** Lets each name do something so many times a minute, all of them at once if it likes. */
export class TokenBuckets {
  readonly #perMinute: number
  readonly #now: () => number
  readonly #buckets = new Map<string, Bucket>()

  /** `now` is in milliseconds. */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute
    this.#now = now
  }

  /** Takes one; answers 0, or how many seconds there is none for. */
  take(name: string): number {
    const nowMs = this.#now()
    const bucket = this.#buckets.get(name) ?? { tokens: this.#perMinute, atMs: nowMs }
    const perMs = this.#perMinute / 60_000
    bucket.tokens = Math.min(this.#perMinute, bucket.tokens + Math.max(0, nowMs - bucket.atMs) * perMs)
    bucket.atMs = nowMs
    this.#buckets.delete(name)
    this.#buckets.set(name, bucket)
    if (this.#buckets.size > MAX_NAMES) this.#buckets.delete(this.#buckets.keys().next().value!)
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / perMs / 1000))
    bucket.tokens--
    return 0
  }
}
