/** How often is asked, while it is there and while it is away. */
const THERE_MS = 2_000
const AWAY_MS = 500

/** Without an answer for this long what is asked counts as away. */
const TIMEOUT_MS = 3_000

/** Asks something again and again whether it is there, for `/readyz`. */
export class Reachability {
  readonly #ask: () => Promise<unknown>
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  #reason: string | undefined = 'it was not asked yet'

  /** `ask` resolves where what it asks is there, and rejects with the reason where not. */
  constructor(ask: () => Promise<unknown>) {
    this.#ask = ask
    void this.#run()
  }

  /** Why it is away; undefined where it is there. */
  get reason(): string | undefined {
    return this.#reason
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  /** One question at a time: the next is asked when the last was answered, however late. */
  async #run(): Promise<void> {
    const late = setTimeout(() => {
      this.#reason = `it did not answer within ${TIMEOUT_MS} ms`
    }, TIMEOUT_MS)
    try {
      await this.#ask()
      this.#reason = undefined
    } catch (error) {
      this.#reason = error instanceof Error ? error.message : String(error)
    }
    clearTimeout(late)
    if (!this.#isClosed)
      this.#timer = setTimeout(() => void this.#run(), this.#reason === undefined ? THERE_MS : AWAY_MS)
  }
}
