import { HISTOGRAM_BUCKETS } from './histogram.ts'

/** Half an octave: most series fill about a dozen pages. */
const PAGE = 16
const PAGES_PER_SLOT = HISTOGRAM_BUCKETS / PAGE

/**
 * The latency histograms of many series, one a slot: dense pages of buckets, made where something falls.
 *
 * An increment is two reads and a write, cells come out in order, and a page that nobody hits costs four bytes.
 */
export class Latencies {
  /** Page number plus one of each (slot, page of the histogram); 0 where there is none. */
  #pages = new Int32Array(16 * PAGES_PER_SLOT)
  #counts = new Float64Array(64 * PAGE)
  #used = 0

  /** Makes room for slots below `slots`. */
  reserve(slots: number): void {
    const needed = slots * PAGES_PER_SLOT
    if (needed <= this.#pages.length) return
    const pages = new Int32Array(Math.max(needed, this.#pages.length * 2))
    pages.set(this.#pages)
    this.#pages = pages
  }

  add(slot: number, bucket: number, count: number): void {
    const at = slot * PAGES_PER_SLOT + (bucket >>> 4)
    let page = this.#pages[at]!
    if (page === 0) page = this.#newPage(at)
    this.#counts[((page - 1) << 4) | (bucket & 15)]! += count
  }

  /** Number of buckets of a slot that are not empty. */
  cells(slot: number): number {
    let cells = 0
    for (let i = 0; i < PAGES_PER_SLOT; i++) {
      const page = this.#pages[slot * PAGES_PER_SLOT + i]!
      if (page === 0) continue
      for (let b = (page - 1) * PAGE; b < page * PAGE; b++) if (this.#counts[b] !== 0) cells++
    }
    return cells
  }

  /** Writes a slot's cells in ascending order from place `at` of both columns; answers the place after the last. */
  copy(slot: number, index: Uint16Array, count: Float64Array, at: number): number {
    for (let i = 0; i < PAGES_PER_SLOT; i++) {
      const page = this.#pages[slot * PAGES_PER_SLOT + i]!
      if (page === 0) continue
      for (let b = 0; b < PAGE; b++) {
        const n = this.#counts[(page - 1) * PAGE + b]!
        if (n === 0) continue
        index[at] = i * PAGE + b
        count[at++] = n
      }
    }
    return at
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#pages.byteLength + this.#counts.byteLength
  }

  #newPage(at: number): number {
    if ((this.#used + 1) * PAGE > this.#counts.length) {
      const counts = new Float64Array(this.#counts.length * 2)
      counts.set(this.#counts)
      this.#counts = counts
    }
    return (this.#pages[at] = ++this.#used)
  }
}
