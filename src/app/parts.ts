interface Part {
  readonly name: string
  readonly close: () => Promise<void>
}

/** What a role has opened so far, to be closed in turn, the last opened first. */
export class Parts {
  readonly #parts: Part[] = []
  #closing: Promise<void> | undefined
  #current: string | undefined

  add(name: string, close: () => Promise<void>): void {
    this.#parts.push({ name, close })
  }

  /** What is being closed now. */
  get current(): string | undefined {
    return this.#current
  }

  /** Closes each, whatever the ones before did; rejects with the first failure. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    const failures: unknown[] = []
    for (const { name, close } of this.#parts.splice(0).toReversed()) {
      this.#current = name
      await close().catch((error: unknown) => failures.push(error))
    }
    this.#current = undefined
    if (failures.length > 0) throw failures[0]
  }
}
