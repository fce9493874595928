/** What is cached: it says how much memory it holds. */
export interface Sized {
  readonly bytes: number
}

interface Entry<V> {
  readonly version: string
  readonly value: V
  /** Since it was put where it is in the order of eviction. */
  isRead: boolean
}

export interface CacheStats {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}

/**
 * Decoded blobs by where they are stored, each good for one version of its blob. Bounded by bytes: the oldest go first,
 * but one that was read since gets a second chance. A value larger than the whole bound is not kept.
 *
 * Reading does not reorder the map, as an exact order of last use would: a thousand moves a query make V8 rebuild the
 * map again and again, and what it leaves behind costs more to collect than the query itself (bench: stat).
 */
export class BlockCache<V extends Sized> {
  readonly #maxBytes: number
  readonly #letGo: (value: V) => void
  readonly #entries = new Map<string, Entry<V>>()
  #bytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0

  /** `letGo` is told each value that was set and is not held any more, one that is too large at once; not by `clear`. */
  constructor(maxBytes: number, letGo: (value: V) => void) {
    this.#maxBytes = maxBytes
    this.#letGo = letGo
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
    entry.isRead = true
    return entry.value
  }

  set(key: string, version: string, value: V): void {
    this.#delete(key)
    if (value.bytes > this.#maxBytes) {
      this.#letGo(value)
      return
    }
    this.#entries.set(key, { version, value, isRead: false })
    this.#bytes += value.bytes
    // Comes past an entry twice at most: the second time it has had its chance.
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) return
      if (entry.isRead) {
        entry.isRead = false
        this.#entries.delete(oldest)
        this.#entries.set(oldest, entry)
      } else {
        this.#delete(oldest)
        this.#evictions++
      }
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
    this.#letGo(entry.value)
  }
}
