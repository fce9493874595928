import { type BucketIndex, NO_INDEX } from './bucket-index.ts'

/**
 * The indexes that were read last, by their hashes' keys, so that only those that changed are sent again.
 *
 * Bounded by the scopes in them; of more, those that were read anew longest ago go. Buckets come and go, so that is
 * the oldest buckets.
 */
export class IndexCache {
  readonly #maxScopes: number
  readonly #indexes = new Map<string, BucketIndex>()
  #scopes = 0

  constructor(maxScopes: number) {
    this.#maxScopes = maxScopes
  }

  get scopes(): number {
    return this.#scopes
  }

  get(key: string): BucketIndex {
    return this.#indexes.get(key) ?? NO_INDEX
  }

  set(key: string, index: BucketIndex): void {
    this.#delete(key)
    if (index.scopes.length === 0) return
    this.#indexes.set(key, index)
    this.#scopes += index.scopes.length
    for (const oldest of this.#indexes.keys()) {
      if (this.#scopes <= this.#maxScopes) return
      this.#delete(oldest)
    }
  }

  #delete(key: string): void {
    const index = this.#indexes.get(key)
    if (index === undefined) return
    this.#indexes.delete(key)
    this.#scopes -= index.scopes.length
  }
}
