/** The streams that are open, for a server that stops. */
export class OpenStreams {
  readonly #ends = new Set<(reason: unknown) => void>()

  get size(): number {
    return this.#ends.size
  }

  /** Adds a stream by what ends it. What is returned takes it away again. */
  add(end: (reason: unknown) => void): () => void {
    this.#ends.add(end)
    return () => void this.#ends.delete(end)
  }

  /** Ends all: each when what it has under way is done. */
  end(reason: () => unknown): void {
    for (const end of this.#ends) end(reason())
  }
}
