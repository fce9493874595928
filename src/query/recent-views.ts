/** What is kept for the views that were asked for last, at most `limit` of them. */
export class RecentViews<T> {
  readonly #limit: number
  readonly #byId = new Map<string, T>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#byId.size
  }

  of(id: string, make: () => T): T {
    const value = this.#byId.get(id) ?? make()
    // The last asked for is last in the map, the first the one to go.
    this.#byId.delete(id)
    this.#byId.set(id, value)
    if (this.#byId.size > this.#limit) this.#byId.delete(this.#byId.keys().next().value!)
    return value
  }
}
