/** `seen >= matched >= offered`; the last counts candidates. */
export interface FrameCounts {
  readonly seen: number
  readonly matched: number
  readonly offered: number
}

const NO_COUNTS: FrameCounts = { seen: 0, matched: 0, offered: 0 }

function plus(a: FrameCounts, b: FrameCounts): FrameCounts {
  return { seen: a.seen + b.seen, matched: a.matched + b.matched, offered: a.offered + b.offered }
}

/** A map that forgets what was set least recently when it would pass its limit. */
class RecentMap<K, V> {
  readonly #entries = new Map<K, V>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#limit) return
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest)
      return
    }
  }
}

interface Source {
  readonly name: string
  readonly counts: FrameCounts
}

/** Counts what a publisher has published of each tap, whether or not it got anywhere. */
export class PublishedCounts {
  readonly #newName: () => string
  readonly #sources: RecentMap<string, Source>

  /** `newName` answers names unlike any other's: a tap that was forgotten begins under a new one. */
  constructor(newName: () => string, limit = 4096) {
    this.#newName = newName
    this.#sources = new RecentMap(limit)
  }

  /** The name that a tap's next frame goes under, and what was counted under it before. */
  of(tapId: string): { readonly source: string; readonly before: FrameCounts } {
    const { name, counts } = this.#sourceOf(tapId)
    return { source: name, before: counts }
  }

  add(tapId: string, counts: FrameCounts): void {
    const source = this.#sourceOf(tapId)
    this.#sources.set(tapId, { name: source.name, counts: plus(source.counts, counts) })
  }

  #sourceOf(tapId: string): Source {
    let source = this.#sources.get(tapId)
    if (source === undefined)
      this.#sources.set(tapId, (source = { name: this.#newName(), counts: NO_COUNTS }))
    return source
  }
}

/**
 * Finds out, for one tap, what was lost before a frame: what its source had counted by then, without what was heard of it.
 * What a source counted before it was first heard is not known to be lost: it may have been before anyone listened.
 */
export class HeardCounts {
  readonly #sources: RecentMap<string, FrameCounts>

  constructor(limit = 1024) {
    this.#sources = new RecentMap(limit)
  }

  /**
   * Takes a frame's counts; answers what was lost right before it, or undefined for a frame that comes twice or too late:
   * it was told of as lost, and is not to be handed on.
   */
  hear(source: string, before: FrameCounts, counts: FrameCounts): FrameCounts | undefined {
    const heard = this.#sources.get(source) ?? before
    const { seen, matched, offered } = before
    if (seen < heard.seen || matched < heard.matched || offered < heard.offered) return undefined
    this.#sources.set(source, plus(before, counts))
    return {
      seen: seen - heard.seen,
      matched: matched - heard.matched,
      offered: offered - heard.offered,
    }
  }
}
