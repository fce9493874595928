import { collision, MAX_PROBES } from './collision.ts'

/** Odd factors without a pattern, one a place of a tuple. */
const FACTORS = Int32Array.of(
  0x9e3779b1,
  0x85ebca6b,
  0xc2b2ae35,
  0x27d4eb2f,
  0x165667b1,
  0xd3a2646d,
  0xfd7046c5,
  0xb55a4f09,
  0x61c88647,
)

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
  #crowded = false
  /** Used by one call of `internColumns` at a time. */
  #sums = new Int32Array(0)
  readonly #tuple: Int32Array

  constructor(arity: number) {
    this.#arity = arity
    this.#values = new Int32Array(512 * arity)
    this.#tuple = new Int32Array(arity)
    // The tuple of zeros has hash 0.
    this.#slots[0] = 1
  }

  get size(): number {
    return this.#size
  }

  /** Whether tuples collide as only made-up ones do, and were refused: its owner starts a new table. */
  get crowded(): boolean {
    return this.#crowded
  }

  /** The id of the tuple in the first `arity` places of `tuple`. Throws a DecodeError where the table is crowded. */
  intern(tuple: Int32Array): number {
    let sum = 0
    for (let i = 0; i < this.#arity; i++) sum = (sum + Math.imul(tuple[i]!, FACTORS[i]!)) | 0
    return this.#intern(tuple, mixed(sum))
  }

  /**
   * Interns tuples given by columns: tuple `row` has `columns[i][row]` at place `i`, and 0 where there is no column
   * `i`. Puts the id of each into `ids` from `at` on.
   *
   * The hash is a sum over places, so that it can be made column after column, each in a loop without dependencies.
   */
  internColumns(
    columns: readonly (Int32Array | undefined)[],
    rows: number,
    ids: Int32Array,
    at: number,
  ): void {
    const arity = this.#arity
    if (this.#sums.length < rows) this.#sums = new Int32Array(rows * 2)
    const sums = this.#sums
    sums.fill(0, 0, rows)
    for (let i = 0; i < arity; i++) {
      const column = columns[i]
      if (column === undefined) continue
      const factor = FACTORS[i]!
      for (let row = 0; row < rows; row++) sums[row] = (sums[row]! + Math.imul(column[row]!, factor)) | 0
    }
    const tuple = this.#tuple
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < arity; i++) {
        const column = columns[i]
        tuple[i] = column === undefined ? 0 : column[row]!
      }
      ids[at + row] = this.#intern(tuple, mixed(sums[row]!))
    }
  }

  /** Value `index` of tuple `id`. */
  get(id: number, index: number): number {
    return this.#values[id * this.#arity + index]!
  }

  #intern(tuple: Int32Array, hash: number): number {
    const slots = this.#slots
    const hashes = this.#hashes
    const mask = this.#mask
    let at = hash & mask
    let probes = 0
    // A slot holds the id plus one, so that 0 means free.
    for (let entry = slots[at]!; entry !== 0; entry = slots[at]!) {
      const id = entry - 1
      if (hashes[id] === hash && this.#equals(id, tuple)) return id
      at = (at + 1) & mask
      if (++probes === MAX_PROBES) this.#refuse()
    }
    return this.#add(at, hash, tuple)
  }

  #refuse(): never {
    this.#crowded = true
    throw collision('endpoints, flows or outcomes')
  }

  #equals(id: number, tuple: Int32Array): boolean {
    const values = this.#values
    const arity = this.#arity
    let from = id * arity
    for (let i = 0; i < arity; i++) if (values[from++] !== tuple[i]) return false
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

function mixed(sum: number): number {
  const hash = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}
