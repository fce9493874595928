/**
 * Interns tuples of 32-bit integers to dense ids. Id 0 is the tuple of zeros.
 *
 * Like `Symbols` it only grows; its owner bounds it.
 */
export class TupleTable {
  readonly #arity: number
  #slots = new Int32Array(1024)
  #mask = 1023
  #hashes = new Int32Array(512)
  #values: Int32Array<ArrayBuffer>
  #size = 1

  constructor(arity: number) {
    this.#arity = arity
    this.#values = new Int32Array(512 * arity)
    this.#hashes[0] = hashOf(this.#values, arity)
    this.#slots[this.#hashes[0] & this.#mask] = 1
  }

  get size(): number {
    return this.#size
  }

  /** The id of the tuple in the first `arity` places of `tuple`. */
  intern(tuple: Int32Array): number {
    const arity = this.#arity
    const hash = hashOf(tuple, arity)
    let at = hash & this.#mask
    // A slot holds the id plus one, so that 0 means free.
    for (let entry = this.#slots[at]!; entry !== 0; entry = this.#slots[at]!) {
      const id = entry - 1
      if (this.#hashes[id] === hash && this.#equals(id, tuple)) return id
      at = (at + 1) & this.#mask
    }
    return this.#add(at, hash, tuple)
  }

  /** Value `index` of tuple `id`. */
  get(id: number, index: number): number {
    return this.#values[id * this.#arity + index]!
  }

  #equals(id: number, tuple: Int32Array): boolean {
    const base = id * this.#arity
    for (let i = 0; i < this.#arity; i++) if (this.#values[base + i] !== tuple[i]) return false
    return true
  }

  #add(at: number, hash: number, tuple: Int32Array): number {
    const id = this.#size++
    if (id >= this.#hashes.length) {
      const hashes = new Int32Array(this.#hashes.length * 2)
      hashes.set(this.#hashes)
      this.#hashes = hashes
      const values = new Int32Array(this.#values.length * 2)
      values.set(this.#values)
      this.#values = values
    }
    for (let i = 0; i < this.#arity; i++) this.#values[id * this.#arity + i] = tuple[i]!
    this.#hashes[id] = hash
    this.#slots[at] = id + 1
    if (this.#size * 2 > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let id = 0; id < this.#size; id++) {
      let at = this.#hashes[id]! & mask
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = id + 1
    }
    this.#slots = slots
    this.#mask = mask
  }
}

function hashOf(tuple: Int32Array, arity: number): number {
  let hash = arity
  for (let i = 0; i < arity; i++) {
    hash = Math.imul(hash ^ tuple[i]!, 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash
}
