import { ByteBuffer } from './byte-buffer.ts'
import type { Pieces } from './piece-table.ts'

/** Label sets, each of `width` pieces one after the other. */
export interface LabelSets {
  readonly size: number
  readonly width: number
  /** Of set `i` those from `i * width` on. */
  readonly ids: Uint16Array | Uint32Array
  readonly pieces: Pieces
}

/** Numbers label sets by their pieces: an open hash table without an object a set. */
export class LabelSetTable {
  readonly #width: number
  /** Number plus one of the set at each place; 0 where there is none. */
  readonly #places: Int32Array
  #ids: Uint32Array
  #size = 0

  /** `most`: label sets that there may be at most. */
  constructor(width: number, most: number) {
    this.#width = width
    this.#places = new Int32Array(2 ** Math.ceil(Math.log2(2 * most + 16)))
    this.#ids = new Uint32Array(width * Math.min(most, 1024))
  }

  get size(): number {
    return this.#size
  }

  /** The set's number; -1 where it is new and `admits` says no. */
  slot(ids: Uint32Array, admits: () => boolean): number {
    const width = this.#width
    const mask = this.#places.length - 1
    for (let place = hash(ids) & mask; ; place = (place + 1) & mask) {
      const slot = this.#places[place]! - 1
      if (slot < 0) return admits() ? this.#add(place, ids) : -1
      let i = 0
      while (i < width && this.#ids[slot * width + i] === ids[i]) i++
      if (i === width) return slot
    }
  }

  finish(pieces: Pieces): LabelSets {
    const ids = this.#ids.subarray(0, this.#size * this.#width)
    return {
      size: this.#size,
      width: this.#width,
      // Not by `from`, which asks for each number: twenty times as slow.
      ids: pieces.start.length <= 0x1_0000 ? new Uint16Array(ids) : ids.slice(),
      pieces,
    }
  }

  #add(place: number, ids: Uint32Array): number {
    const at = this.#size * this.#width
    if (at + this.#width > this.#ids.length) {
      const larger = new Uint32Array(2 * this.#ids.length)
      larger.set(this.#ids)
      this.#ids = larger
    }
    this.#ids.set(ids, at)
    this.#places[place] = ++this.#size
    return this.#size - 1
  }
}

/** Puts label sets together, one after the other: what a set has in common with the one before it is there already. */
export class LabelCursor {
  readonly #sets: LabelSets
  readonly #line = new ByteBuffer(1024)
  /** The pieces that are put together, and where each ends. */
  readonly #ids: Uint32Array
  readonly #ends: Uint32Array

  constructor(sets: LabelSets) {
    this.#sets = sets
    this.#ids = new Uint32Array(sets.width)
    this.#ends = new Uint32Array(sets.width)
  }

  /** The bytes of the set, as far as `length`, until the next one is sought. */
  get bytes(): Buffer {
    return this.#line.bytes
  }

  get length(): number {
    return this.#line.length
  }

  seek(set: number): void {
    const { width, ids, pieces } = this.#sets
    const at = set * width
    let i = 0
    while (i < width && this.#ids[i] === ids[at + i]) i++
    const line = this.#line
    line.length = i === 0 ? 0 : this.#ends[i - 1]!
    for (; i < width; i++) {
      const id = ids[at + i]!
      line.copyRange(pieces.bytes, pieces.start[id]!, pieces.start[id + 1]!)
      this.#ids[i] = id
      this.#ends[i] = line.length
    }
  }
}

/** FNV-1a over the numbers, with a last mix. */
function hash(ids: Uint32Array): number {
  let h = 0x811c9dc5
  for (let i = 0; i < ids.length; i++) h = Math.imul(h ^ ids[i]!, 0x01000193)
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b)
  return (h ^ (h >>> 13)) >>> 0
}
