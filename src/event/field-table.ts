const encoder = new TextEncoder()

/** Looks up field names by their bytes. A field's number is its place in the list given. */
export class FieldTable {
  readonly #names: readonly Uint8Array[]
  /** By hash: a field's number plus one, 0 where there is none. */
  readonly #slots: Int8Array
  readonly #mask: number

  constructor(names: readonly string[]) {
    this.#names = names.map((name) => encoder.encode(name))
    // Four slots a name keep it to about one comparison a look-up.
    this.#mask = 2 ** Math.ceil(Math.log2(names.length * 4)) - 1
    this.#slots = new Int8Array(this.#mask + 1)
    for (const [number, name] of this.#names.entries()) {
      let at = this.#hash(name, 0, name.length)
      while (this.#slots[at] !== 0) at = (at + 1) & this.#mask
      this.#slots[at] = number + 1
    }
  }

  /** The number of the field named `bytes[start, end)`, -1 where there is none. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (end === start) return -1
    let at = this.#hash(bytes, start, end)
    for (let entry = this.#slots[at]!; entry !== 0; entry = this.#slots[at]!) {
      if (isEqual(this.#names[entry - 1]!, bytes, start, end)) return entry - 1
      at = (at + 1) & this.#mask
    }
    return -1
  }

  #hash(bytes: Uint8Array, start: number, end: number): number {
    return (
      (bytes[start]! * 7 + bytes[end - 1]! * 3 + bytes[(start + end) >> 1]! + (end - start) * 13) & this.#mask
    )
  }
}

function isEqual(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
