/** What is cached: it says how much memory it holds. */
export interface Sized {
  readonly bytes: number
}

interface Entry<V> {
  readonly version: string
  readonly value: V
}

export interface CacheStats {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}

/**
 * Decoded blobs by where they are stored, each good for one version of its blob. Bounded by bytes: the ones not read
 * for longest go first. A value larger than the whole bound is not kept.
 */
export class BlockCache<V extends Sized> {
  readonly #maxBytes: number
  readonly #entries = new Map<string, Entry<V>>()
  #bytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get stats(): CacheStats {
    return {
      entries: this.#entries.size,
      bytes: this.#bytes,
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
    }
  }

  get(key: string, version: string): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.version !== version) {
      this.#misses++
      return undefined
    }
    this.#hits++
    // A Map keeps the order of insertion: put last, so that the first is the one not read for longest.
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: string, version: string, value: V): void {
    this.#delete(key)
    if (value.bytes > this.#maxBytes) return
    this.#entries.set(key, { version, value })
    this.#bytes += value.bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.#delete(oldest)
      this.#evictions++
    }
  }

  clear(): void {
    this.#evictions += this.#entries.size
    this.#entries.clear()
    this.#bytes = 0
  }

  #delete(key: string): void {
    const entry = this.#entries.get(key)
    if (entry === undefined) return
    this.#entries.delete(key)
    this.#bytes -= entry.value.bytes
  }
}
