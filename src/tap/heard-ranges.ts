import type { EvaluatedRange, RecordPlace } from './tap-bus.ts'

/** Partitions remembered; of more the one not heard of for longest is forgotten. */
const MAX_PARTITIONS = 16_384

interface Heard {
  /** What is of records before this one was evaluated in frames before. */
  readonly floor: number
  readonly from: number
  readonly to: number
}

/**
 * Which records of the log the frames of one tap were about, so that what is evaluated a second time is not shown a second
 * time: a worker that takes a partition over goes on from what was committed, which is a little less than what the worker
 * before it has shown, or all that the log holds where the store lost it.
 *
 * A frame that the bus hands on in several parts says the same range in each.
 */
export class HeardRanges {
  readonly #partitions = new Map<string, Heard>()

  /** Takes a frame's ranges, before its candidates. */
  add(ranges: readonly EvaluatedRange[]): void {
    for (const { partition, from, to } of ranges) {
      const heard = this.#partitions.get(partition)
      if (heard?.from === from && heard.to === to) continue
      const floor = heard === undefined ? 0 : Math.max(heard.floor, heard.to)
      this.#partitions.delete(partition)
      this.#partitions.set(partition, { floor, from, to })
      if (this.#partitions.size > MAX_PARTITIONS) {
        for (const oldest of this.#partitions.keys()) {
          this.#partitions.delete(oldest)
          break
        }
      }
    }
  }

  /** Whether an earlier frame was about the record already. */
  isRepeated(place: RecordPlace | undefined): boolean {
    if (place === undefined) return false
    const heard = this.#partitions.get(place.partition)
    return heard !== undefined && place.offset < heard.floor
  }
}
