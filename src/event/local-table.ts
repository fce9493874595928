/** Ids above which the memory of a `LocalTable` is given back when it is cleared. */
const KEPT_IDS = 1 << 20

/**
 * Numbers the ids of a dictionary that one batch uses from 1 up, in order of first use.
 *
 * Clearing costs what was used, not what the dictionary holds.
 */
export class LocalTable {
  size = 0
  /** By id: its index, 0 where it has none. */
  #indexOf = new Int32Array(1024)
  /** By index less one: the id. */
  #ids = new Int32Array(256)

  clear(): void {
    if (this.#indexOf.length > KEPT_IDS) this.#indexOf = new Int32Array(1024)
    else for (let i = 0; i < this.size; i++) this.#indexOf[this.#ids[i]!] = 0
    this.size = 0
  }

  /** The index of an id, a new one at its first use. */
  index(id: number): number {
    if (id >= this.#indexOf.length) this.#indexOf = copied(this.#indexOf, id * 2)
    const known = this.#indexOf[id]!
    if (known !== 0) return known
    if (this.size === this.#ids.length) this.#ids = copied(this.#ids, this.size * 2)
    this.#ids[this.size] = id
    this.#indexOf[id] = ++this.size
    return this.size
  }

  /** As `index`, but id 0 has index 0. */
  indexOrNone(id: number): number {
    return id === 0 ? 0 : this.index(id)
  }

  /** The id of index `position + 1`. */
  id(position: number): number {
    return this.#ids[position]!
  }
}

function copied(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}
