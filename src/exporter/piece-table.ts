import { ByteBuffer } from './byte-buffer.ts'

/** Pieces of label sets, in the bytes of a format: one label or a few that go together. Piece 0 is empty. */
export interface Pieces {
  readonly bytes: Buffer
  /** Where each begins, and after the last one its end. */
  readonly start: Uint32Array
}

/** Pieces being collected, each once: a hash table of bytes, as texts by the ten thousand keep the garbage collector busy. */
export class PieceTable {
  readonly #bytes = new ByteBuffer(4096)
  #start = new Uint32Array(256)
  #hashes = new Int32Array(256)
  /** The piece at each place; 0 where there is none. Twice as long as `#hashes`. */
  #places = new Int32Array(512)
  #size = 1

  /** Where the next piece is to be written; then `end` tells its number. */
  get next(): ByteBuffer {
    return this.#bytes
  }

  /** The number of what was written since the last piece ended. */
  end(): number {
    const buffer = this.#bytes
    const start = this.#start[this.#size]!
    const length = buffer.length - start
    if (length === 0) return 0
    const hash = hashOf(buffer.bytes, start, buffer.length)
    const mask = this.#places.length - 1
    let place = hash & mask
    for (; this.#places[place] !== 0; place = (place + 1) & mask) {
      const id = this.#places[place]!
      if (this.#hashes[id] !== hash || !this.#isSame(id, start, length)) continue
      buffer.length = start
      return id
    }
    const id = this.#size++
    this.#places[place] = id
    this.#hashes[id] = hash
    if (id + 2 >= this.#start.length) this.#grow()
    this.#start[id + 1] = buffer.length
    return id
  }

  get pieces(): Pieces {
    return { bytes: Buffer.from(this.#bytes.written), start: this.#start.slice(0, this.#size + 1) }
  }

  #isSame(id: number, start: number, length: number): boolean {
    const { bytes } = this.#bytes
    const at = this.#start[id]!
    if (this.#start[id + 1]! - at !== length) return false
    for (let i = 0; i < length; i++) if (bytes[at + i] !== bytes[start + i]) return false
    return true
  }

  #grow(): void {
    const start = new Uint32Array(2 * this.#start.length)
    start.set(this.#start)
    this.#start = start
    const hashes = new Int32Array(2 * this.#hashes.length)
    hashes.set(this.#hashes)
    this.#hashes = hashes
    this.#places = new Int32Array(2 * this.#places.length)
    const mask = this.#places.length - 1
    for (let id = 1; id < this.#size; id++) {
      let place = hashes[id]! & mask
      while (this.#places[place] !== 0) place = (place + 1) & mask
      this.#places[place] = id
    }
  }
}

/** FNV-1a with a last mix. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let h = 0x811c9dc5
  for (let i = start; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193)
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b)
  return h ^ (h >>> 13)
}
