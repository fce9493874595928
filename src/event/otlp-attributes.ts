const encoder = new TextEncoder()

/** What kind of value an attribute has; `NONE` where it is absent. */
export const NONE = 0
/** Bytes `[start, end)`. */
export const TEXT = 1
/** A whole number from 0 to 2^53 - 1. */
export const NUMBER = 2
/** `numbers` is 0 or 1. */
export const FLAG = 3

/** Bits of the hash, so slots of its table: large enough that a multiplier without collisions is found soon. */
const HASH_BITS = 11

/** Of a key's place, the bits of its field; its rank is above them. */
const FIELD_MASK = 0x3f
const RANK_SHIFT = 6

/** Fields whose presence one word tells. */
const WORD_FIELDS = 32
const SHORTEST_KEY = 4
/** Words of four bytes that the longest key takes. */
const KEY_WORDS = 8

/**
 * The attributes of one span or resource that matter, as places in its bytes.
 *
 * Made from a list of fields, each with the attribute keys that give it, best first: of several that are present
 * the best one counts, whatever their order. Keys are found by a hash of their length and their first, middle and
 * last four bytes, whose multiplier is searched when the table is made so that no two keys collide; so a key costs one
 * comparison, four bytes at a time.
 */
export class AttributeValues {
  /** Kinds of the fields that are present; `kind` tells which are. */
  readonly kinds: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly numbers: Float64Array
  /**
   * Which fields are present, as bits: the first 32 in `common`, the others in `rare`. So one test tells that a
   * span has none of several fields.
   */
  common = 0
  rare = 0
  readonly #ranks: Uint8Array

  /** Of each key: its length, its bytes as words, and its field with its rank among the field's keys. */
  readonly #keyLengths: Uint8Array
  readonly #keyWords: Int32Array
  readonly #keyPlaces: Uint16Array
  readonly #keyByText: ReadonlyMap<string, number>
  /** Key index plus 1 at each hash. */
  readonly #slots: Uint8Array
  readonly #multiplier: number

  /** Fields whose numbers need not be whole. */
  readonly #fractional: ReadonlySet<number>

  constructor(fields: Readonly<Record<string, readonly string[]>>, fractional: readonly string[] = []) {
    const names = Object.keys(fields)
    this.#fractional = new Set(fractional.map((name) => names.indexOf(name)))
    if (names.length > 2 * WORD_FIELDS) throw new Error('BUG: more fields than two words have bits')
    const keys = names.flatMap((name, field) => fields[name]!.map((text, rank) => ({ text, field, rank })))
    const texts = keys.map(({ text }) => viewOf(text))
    this.kinds = new Uint8Array(names.length)
    this.starts = new Int32Array(names.length)
    this.ends = new Int32Array(names.length)
    this.numbers = new Float64Array(names.length)
    this.#ranks = new Uint8Array(names.length)
    this.#keyLengths = Uint8Array.from(texts, ({ byteLength }) => byteLength)
    this.#keyWords = new Int32Array(texts.length * KEY_WORDS)
    texts.forEach((text, i) => this.#keyWords.set(wordsOf(text), i * KEY_WORDS))
    this.#keyPlaces = Uint16Array.from(keys, ({ field, rank }) => (rank << RANK_SHIFT) | field)
    this.#keyByText = new Map(keys.map(({ text }, index) => [text, index]))
    this.#multiplier = multiplierFor(texts)
    this.#slots = new Uint8Array(1 << HASH_BITS)
    texts.forEach((text, i) => (this.#slots[hashOf(text, 0, text.byteLength, this.#multiplier)] = i + 1))
  }

  /** Index of the key in bytes `[start, end)` of `view`, -1 where it is none of ours. */
  find(view: DataView, start: number, end: number): number {
    const length = end - start
    if (length < SHORTEST_KEY) return -1
    const key = this.#slots[hashOf(view, start, end, this.#multiplier)]! - 1
    if (key < 0 || this.#keyLengths[key] !== length) return -1
    const words = this.#keyWords
    const last = end - 4
    let at = key * KEY_WORDS
    for (let i = start; i < last; i += 4) if (words[at++] !== view.getInt32(i, true)) return -1
    return words[at] === view.getInt32(last, true) ? key : -1
  }

  /** The same for a key given as text. */
  findText(text: string): number {
    return this.#keyByText.get(text) ?? -1
  }

  clear(): void {
    this.common = 0
    this.rare = 0
  }

  /** Kind of a field's value, `NONE` where it is absent. */
  kind(field: number): number {
    // A shift counts modulo 32.
    const isPresent = ((field < WORD_FIELDS ? this.common : this.rare) >>> field) & 1
    return isPresent === 1 ? this.kinds[field]! : NONE
  }

  /** Sets the field of `key` to the text in bytes `[start, end)`. */
  setText(key: number, start: number, end: number): void {
    const field = this.#claim(key)
    if (field < 0) return
    this.kinds[field] = TEXT
    this.starts[field] = start
    this.ends[field] = end
  }

  /** Sets the field of `key` to a `NUMBER` or a `FLAG`; a number that is not whole, negative or unsafe is ignored. */
  setNumber(key: number, kind: number, value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      const isFraction = value >= 0 && value <= Number.MAX_SAFE_INTEGER
      if (!isFraction || !this.#fractional.has(this.#keyPlaces[key]! & FIELD_MASK)) return
    }
    const field = this.#claim(key)
    if (field < 0) return
    this.kinds[field] = kind
    this.numbers[field] = value
  }

  /** As `setNumber`, for a `NUMBER` that is whole and not negative for certain. */
  setInt(key: number, value: number): void {
    const field = this.#claim(key)
    if (field < 0) return
    this.kinds[field] = NUMBER
    this.numbers[field] = value
  }

  /** The field of `key`, -1 where a better key has set it. */
  #claim(key: number): number {
    const place = this.#keyPlaces[key]!
    const field = place & FIELD_MASK
    const rank = place >> RANK_SHIFT
    const bit = 1 << field
    // The best key always counts, and most fields have no other.
    if (field < WORD_FIELDS) {
      if (rank > 0 && (this.common & bit) !== 0 && rank > this.#ranks[field]!) return -1
      this.common |= bit
    } else {
      if (rank > 0 && (this.rare & bit) !== 0 && rank > this.#ranks[field]!) return -1
      this.rare |= bit
    }
    this.#ranks[field] = rank
    return field
  }
}

/** Index of each field: its place among the fields that `AttributeValues` is made of. */
export function fieldIndices<F extends string>(
  fields: Readonly<Record<F, unknown>>,
): Readonly<Record<F, number>> {
  return Object.fromEntries(Object.keys(fields).map((name, index) => [name, index])) as Record<F, number>
}

/** The bits that fields have in `common` or in `rare`; they must be of the same word. */
export function presenceMask(...indices: readonly number[]): number {
  if (new Set(indices.map((index) => index < WORD_FIELDS)).size > 1)
    throw new Error('BUG: fields of two words')
  return indices.reduce((mask, index) => mask | (1 << index), 0)
}

function hashOf(view: DataView, start: number, end: number, multiplier: number): number {
  const length = end - start
  const first = view.getInt32(start, true)
  const middle = view.getInt32(start + (length >> 1) - 2, true)
  const last = view.getInt32(end - 4, true)
  const word = length ^ first ^ Math.imul(middle, 0x85ebca6b) ^ Math.imul(last, 0xc2b2ae35)
  return Math.imul(word, multiplier) >>> (32 - HASH_BITS)
}

function viewOf(key: string): DataView {
  const bytes = encoder.encode(key)
  if (bytes.length < SHORTEST_KEY || bytes.length > KEY_WORDS * 4)
    throw new Error(`BUG: ${key} is too short or long`)
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** A key's bytes four at a time; the last word is its last four bytes, those of the word before among them. */
function wordsOf(key: DataView): number[] {
  const words: number[] = []
  for (let i = 0; i < key.byteLength - 4; i += 4) words.push(key.getInt32(i, true))
  return [...words, key.getInt32(key.byteLength - 4, true)]
}

function multiplierFor(keys: readonly DataView[]): number {
  let multiplier = 0x9e3779b1
  for (let attempt = 0; attempt < 10_000; attempt++) {
    const hashes = new Set(keys.map((key) => hashOf(key, 0, key.byteLength, multiplier)))
    if (hashes.size === keys.length) return multiplier
    multiplier = (multiplier + 0x3c6ef372) | 1
  }
  throw new Error('BUG: two attribute keys have the same length and the same bytes where the hash looks')
}
