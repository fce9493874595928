import type { Direction } from '../event/event.ts'
import type { Workload } from './series.ts'
import type { TopEntry, TopKey, TopSketchState } from './top-block.ts'

/** Keys a destination's sketch keeps. */
export const DEFAULT_TOP_CAPACITY = 128

/** What is added to a sketch at once for one key. */
export interface TopDelta {
  readonly count: number
  readonly failures: number
  readonly bestMicros: number
  readonly worstMicros: number
  readonly latencySumMicros: number
  readonly lastMicros: number
  readonly lastMs: number
}

type MutableEntry = { -readonly [F in keyof TopEntry]: TopEntry[F] }

/**
 * The heaviest keys of a stream in bounded memory: Space-Saving, in its mergeable form.
 *
 * A key that comes new starts at `floor`, the most it can have been seen before, and carries that as its `error`;
 * `prune` keeps the heaviest `capacity` and raises `floor` to the largest count it forgets. So for every key held
 * count − error ≤ truth ≤ count, for every other truth ≤ floor, and floor ≤ total / (capacity + 1). While the keys
 * fit, floor is 0 and all counts are exact.
 * Source: Agarwal, Cormode, Huang, Phillips, Wei, Yi: "Mergeable Summaries", PODS 2012.
 */
export class TopSketch {
  readonly direction: Direction
  readonly destination: Workload
  readonly #capacity: number
  #entries = new Map<string, MutableEntry>()
  #floor = 0
  #total = 0

  constructor(direction: Direction, destination: Workload, capacity: number) {
    this.direction = direction
    this.destination = destination
    this.#capacity = capacity
  }

  /** Adds to one key; `id` is `topKeyId(key)`. Call `prune` after a number of these: until then all keys are held. */
  add(id: string, key: TopKey, delta: TopDelta): void {
    this.#total += delta.count
    const entry = this.#entries.get(id)
    if (entry === undefined) {
      // Field by field, as spreading costs more than the rest of a drain.
      this.#entries.set(id, {
        source: key.source,
        method: key.method,
        path: key.path,
        count: this.#floor + delta.count,
        error: this.#floor,
        failures: delta.failures,
        bestMicros: delta.bestMicros,
        worstMicros: delta.worstMicros,
        latencySumMicros: delta.latencySumMicros,
        lastMicros: delta.lastMicros,
        lastMs: delta.lastMs,
      })
      return
    }
    entry.count += delta.count
    absorb(entry, delta)
  }

  /** Adds all of another sketch of the same destination. */
  merge(other: TopSketchState): void {
    const floor = this.#floor
    const met = new Set<string>()
    for (const theirs of other.entries) {
      const id = topKeyId(theirs)
      met.add(id)
      const ours = this.#entries.get(id)
      if (ours === undefined) {
        this.#entries.set(id, { ...theirs, count: theirs.count + floor, error: theirs.error + floor })
      } else {
        ours.count += theirs.count
        ours.error += theirs.error
        absorb(ours, theirs)
      }
    }
    if (other.floor > 0) {
      for (const [id, ours] of this.#entries) {
        if (met.has(id)) continue
        ours.count += other.floor
        ours.error += other.floor
      }
    }
    this.#floor += other.floor
    this.#total += other.total
    this.prune()
  }

  /** Forgets all but the heaviest `capacity` keys; of those as heavy as each other the last by id. */
  prune(): void {
    const entries = this.#entries
    const size = entries.size
    if (size <= this.#capacity) return
    // Numbers are sorted much faster than entries, of which few are as heavy as the lightest that stays.
    const counts = new Float64Array(size)
    let at = 0
    for (const { count } of entries.values()) counts[at++] = count
    counts.sort()
    const lightest = counts[size - this.#capacity]!
    this.#floor = Math.max(this.#floor, counts[size - this.#capacity - 1]!)
    let heavier = 0
    while (heavier < this.#capacity && counts[size - 1 - heavier]! > lightest) heavier++
    const ties = new FirstTexts(this.#capacity - heavier)
    for (const [id, { count }] of entries) if (count === lightest) ties.offer(id)
    this.#entries = new Map()
    for (const [id, entry] of entries) {
      if (entry.count > lightest || (entry.count === lightest && ties.has(id))) this.#entries.set(id, entry)
    }
  }

  state(): TopSketchState {
    return {
      direction: this.direction,
      destination: this.destination,
      floor: this.#floor,
      total: this.#total,
      entries: this.#sorted().map(([, entry]) => ({ ...entry })),
    }
  }

  #sorted(): [string, MutableEntry][] {
    return [...this.#entries].sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1))
  }
}

/** The first so many of the texts offered, each once. */
class FirstTexts {
  readonly #most: number
  readonly #texts: string[] = []

  constructor(most: number) {
    this.#most = most
  }

  offer(text: string): void {
    const texts = this.#texts
    if (texts.length === this.#most) {
      if (!(text < texts[this.#most - 1]!)) return
      texts.pop()
    }
    let low = 0
    let high = texts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (texts[middle]! < text) low = middle + 1
      else high = middle
    }
    texts.splice(low, 0, text)
  }

  /** Whether a text that was offered is among them. */
  has(text: string): boolean {
    const last = this.#texts.at(-1)
    return last !== undefined && text <= last
  }
}

/** Merges sketches of one direction and destination; at least one must be given. */
export function mergeTopSketches(
  sketches: readonly TopSketchState[],
  capacity = DEFAULT_TOP_CAPACITY,
): TopSketchState {
  const [first] = sketches
  if (first === undefined) throw new RangeError('no sketch to merge')
  const merged = new TopSketch(first.direction, first.destination, capacity)
  for (const sketch of sketches) merged.merge(sketch)
  return merged.state()
}

/** Unique text of a key within one destination. */
export function topKeyId({ source, method, path }: TopKey): string {
  return [source.cluster, source.namespace, source.kind, source.name, method, path].join('\u0000')
}

function absorb(entry: MutableEntry, delta: TopDelta): void {
  entry.failures += delta.failures
  entry.latencySumMicros += delta.latencySumMicros
  entry.bestMicros = Math.min(entry.bestMicros, delta.bestMicros)
  entry.worstMicros = Math.max(entry.worstMicros, delta.worstMicros)
  // The later one is last; of two at the same millisecond the longer, so that order does not matter.
  if (delta.lastMs > entry.lastMs || (delta.lastMs === entry.lastMs && delta.lastMicros > entry.lastMicros)) {
    entry.lastMs = delta.lastMs
    entry.lastMicros = delta.lastMicros
  }
}
