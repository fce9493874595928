import { collision, MAX_PROBES } from './collision.ts'

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
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
  #arenaView = new DataView(this.#arena.buffer)
  /** The bytes last interned from and a view of them: records are interned from many times each. */
  #input: Uint8Array = this.#arena
  #inputView: DataView = this.#arenaView
  #size = 1
  #crowded = false
  readonly #texts: (string | undefined)[] = ['']
  readonly #byText = new Map<string, number>([['', 0]])

  /** Number of distinct strings, the empty one included. */
  get size(): number {
    return this.#size
  }

  /** Whether strings collide as only made-up ones do, and were refused: its owner starts a new table. */
  get crowded(): boolean {
    return this.#crowded
  }

  /** Bytes of UTF-8 held. */
  get bytes(): number {
    return this.#offsets[this.#size]!
  }

  /**
   * The id of `bytes[start, end)` read as UTF-8. Throws a DecodeError where the table is crowded. Whoever takes turns between buffers gives their views too: that of the
   * last one only is kept.
   */
  internBytes(bytes: Uint8Array, start: number, end: number, view: DataView = this.#viewOf(bytes)): number {
    if (end <= start) return 0
    if (end - start > MAX_SYMBOL_BYTES) end = cutUtf8(bytes, start)
    const hash = hashOf(bytes, view, start, end)
    const slots = this.#slots
    const hashes = this.#hashes
    const mask = this.#mask
    let at = hash & mask
    let probes = 0
    for (let id = slots[at]!; id !== 0; id = slots[at]!) {
      if (hashes[id] === hash && this.#equals(id, bytes, view, start, end)) return id
      at = (at + 1) & mask
      if (++probes === MAX_PROBES) this.#refuse()
    }
    return this.#add(at, hash, bytes, start, end)
  }

  /** The id of a text. */
  intern(text: string): number {
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const utf8 = encoder.encode(text)
    const id = this.internBytes(utf8, 0, utf8.length)
    // A text that was cut, or whose lone surrogates were replaced, would be one more key to the same id, and the map
    // must stay as small as the table.
    if (utf8.length <= MAX_SYMBOL_BYTES && text.isWellFormed()) this.#byText.set(text, id)
    return id
  }

  /** The text of an id of this table. Invalid UTF-8 reads as U+FFFD. */
  text(id: number): string {
    const known = this.#texts[id]
    if (known !== undefined) return known
    const text = decoder.decode(this.utf8(id))
    this.#texts[id] = text
    return text
  }

  /** The UTF-8 of an id of this table, as a view, not to be written to. */
  utf8(id: number): Uint8Array {
    return this.#arena.subarray(this.#offsets[id], this.#offsets[id + 1])
  }

  #refuse(): never {
    this.#crowded = true
    throw collision('strings')
  }

  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#input) {
      this.#input = bytes
      this.#inputView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    }
    return this.#inputView
  }

  #equals(id: number, bytes: Uint8Array, view: DataView, start: number, end: number): boolean {
    const arenaView = this.#arenaView
    let from = this.#offsets[id]!
    if (this.#offsets[id + 1]! - from !== end - start) return false
    if (end - start < 4) {
      const arena = this.#arena
      for (let at = start; at < end; at++) if (arena[from++] !== bytes[at]) return false
      return true
    }
    const last = end - 4
    for (let at = start; at < last; at += 4) {
      if (view.getInt32(at, true) !== arenaView.getInt32(from, true)) return false
      from += 4
    }
    return view.getInt32(last, true) === arenaView.getInt32(this.#offsets[id + 1]! - 4, true)
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
      this.#arenaView = new DataView(arena.buffer)
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

/** Four bytes a step, the last step overlapping the one before: no tail, whose length a CPU could only guess. */
function hashOf(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let hash = end - start
  if (hash < 4) {
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  } else {
    const last = end - 4
    for (let at = start; at < last; at += 4) {
      hash = Math.imul(hash ^ view.getInt32(at, true), 0x9e3779b1)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash ^ view.getInt32(last, true), 0x9e3779b1)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return hash ^ (hash >>> 13)
}

function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(array)
  return larger
}

/** The last end at most `MAX_SYMBOL_BYTES` after `start` that does not split a UTF-8 sequence. */
function cutUtf8(bytes: Uint8Array, start: number): number {
  const limit = start + MAX_SYMBOL_BYTES
  for (let end = limit; end > limit - 4; end--) if ((bytes[end]! & 0xc0) !== 0x80) return end
  return limit
}
