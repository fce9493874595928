import type { PartitionId } from '../event-log.ts'

/** What went wrong and is tried again, or should be looked at. */
export interface KafkaTrouble {
  /**
   * `topic`: its settings are doubtful · `broker`: one does not answer · `group`: the group cannot be joined, or threw
   * us out · `fetch`: a partition cannot be read · `records`: some cannot be decoded, or are missing · `handler`: it
   * rejected, or takes too long · `producer`: it was made anew.
   */
  readonly kind: 'topic' | 'broker' | 'group' | 'fetch' | 'records' | 'handler' | 'producer'
  readonly message: string
  readonly partition?: PartitionId
}

export type OnTrouble = (trouble: KafkaTrouble) => void

/** Doubles from the first wait to the longest. */
export class Backoff {
  readonly #firstMs: number
  readonly #longestMs: number
  #nextMs: number

  constructor(firstMs: number, longestMs: number) {
    this.#firstMs = firstMs
    this.#longestMs = longestMs
    this.#nextMs = firstMs
  }

  /** How long to wait now. */
  next(): number {
    const ms = this.#nextMs
    this.#nextMs = Math.min(2 * ms, this.#longestMs)
    return ms
  }

  reset(): void {
    this.#nextMs = this.#firstMs
  }
}
