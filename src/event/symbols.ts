const decoder = new TextDecoder()
const encoder = new TextEncoder()

/** Longest text kept of any string of an event, in bytes of UTF-8; the rest is cut. */
export const MAX_SYMBOL_BYTES = 4096

/**
 * Interns strings to small integers, from bytes or from text alike: work per distinct string, not per event.
 *
 * Id 0 is the empty string. Ids are dense and live as long as the table, which only grows: its owner watches
 * `size` and `bytes` and starts a new one.
 */
export class Symbols {
  #slots = new Int32Array(1024)
  #mask = 1023
  #hashes = new Int32Array(512)
  /** Where each symbol starts in the arena; one entry more than there are symbols. */
  #offsets = new Int32Array(513)
  #arena = new Uint8Array(16 * 1024)
  #size = 1
  readonly #texts: (string | undefined)[] = ['']
  readonly #byText = new Map<string, number>([['', 0]])

  /** Number of distinct strings, the empty one included. */
  get size(): number {
    return this.#size
  }

  /** Bytes of UTF-8 held. */
  get bytes(): number {
    return this.#offsets[this.#size]!
  }

  /** The id of `bytes[start, end)` read as UTF-8. */
  internBytes(bytes: Uint8Array, start: number, end: number): number {
    if (end <= start) return 0
    if (end - start > MAX_SYMBOL_BYTES) end = cutUtf8(bytes, start)
    let hash = (end - start) | 0
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    hash ^= hash >>> 15
    const slots = this.#slots
    const mask = this.#mask
    let at = hash & mask
    for (let id = slots[at]!; id !== 0; id = slots[at]!) {
      if (this.#hashes[id] === hash && this.#equals(id, bytes, start, end)) return id
      at = (at + 1) & mask
    }
    return this.#add(at, hash, bytes, start, end)
  }

  /** The id of a text. */
  intern(text: string): number {
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const utf8 = encoder.encode(text)
    const id = this.internBytes(utf8, 0, utf8.length)
    // A text that was cut would be a second key to the same id, and the map must stay as small as the table.
    if (utf8.length <= MAX_SYMBOL_BYTES) this.#byText.set(text, id)
    return id
  }

  /** The text of an id of this table. Invalid UTF-8 reads as U+FFFD. */
  text(id: number): string {
    const known = this.#texts[id]
    if (known !== undefined) return known
    const text = decoder.decode(this.#arena.subarray(this.#offsets[id], this.#offsets[id + 1]))
    this.#texts[id] = text
    return text
  }

  #equals(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    let from = this.#offsets[id]!
    if (this.#offsets[id + 1]! - from !== end - start) return false
    const arena = this.#arena
    for (let i = start; i < end; i++) if (arena[from++] !== bytes[i]) return false
    return true
  }

  #add(at: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const id = this.#size++
    if (id >= this.#hashes.length) {
      this.#hashes = grown(this.#hashes, this.#hashes.length * 2)
      this.#offsets = grown(this.#offsets, this.#hashes.length + 1)
    }
    const offset = this.#offsets[id]!
    const length = end - start
    if (offset + length > this.#arena.length) {
      const arena = new Uint8Array(Math.max(this.#arena.length * 2, offset + length))
      arena.set(this.#arena)
      this.#arena = arena
    }
    this.#arena.set(bytes.subarray(start, end), offset)
    this.#offsets[id + 1] = offset + length
    this.#hashes[id] = hash
    this.#slots[at] = id
    this.#texts.push(undefined)
    if (this.#size * 2 > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let id = 1; id < this.#size; id++) {
      let at = this.#hashes[id]! & mask
      while (slots[at] !== 0) at = (at + 1) & mask
      slots[at] = id
    }
    this.#slots = slots
    this.#mask = mask
  }
}

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}

/** The last end at most `MAX_SYMBOL_BYTES` after `start` that does not split a UTF-8 sequence. */
function cutUtf8(bytes: Uint8Array, start: number): number {
  let end = start + MAX_SYMBOL_BYTES
  while (end > start && (bytes[end]! & 0xc0) === 0x80) end--
  return end
}
