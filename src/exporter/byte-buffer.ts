const HEX = Buffer.from('0123456789abcdef')
const DIGITS = new Uint8Array(16)

/** Most digits of a whole number that is written by hand. */
const MAX_DIGITS = 16

/** Buffers that are kept for what is written next. */
const MAX_SPARES = 4

/** Bytes being written, in a buffer that grows: texts, numbers in decimal, and protobuf's numbers. */
export class ByteBuffer {
  #bytes: Buffer<ArrayBuffer>
  #at = 0
  readonly #spares: Buffer<ArrayBuffer>[] = []

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
  }

  get length(): number {
    return this.#at
  }

  set length(at: number) {
    this.#at = at
  }

  /** What was written, until the next write. */
  get written(): Buffer<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at)
  }

  /** What was written, as far as `length`, and more after it, until the next write: no object is made for it. */
  get bytes(): Buffer<ArrayBuffer> {
    return this.#bytes
  }

  /** What was written, for good: goes on in a buffer that was given back, or a new one. */
  take(capacity: number): Buffer<ArrayBuffer> {
    const { written } = this
    this.#bytes = this.#spares.pop() ?? Buffer.allocUnsafeSlow(capacity)
    this.#at = 0
    return written
  }

  /** Gives back what was taken, to be overwritten: nobody may look at it any longer. */
  reuse(taken: Buffer<ArrayBuffer>): void {
    if (this.#spares.length < MAX_SPARES) this.#spares.push(Buffer.from(taken.buffer))
  }

  byte(value: number): void {
    this.reserve(1)
    this.#bytes[this.#at++] = value
  }

  copy(from: Buffer, start = 0, end = from.length): void {
    this.reserve(end - start)
    this.#at += from.copy(this.#bytes, this.#at, start, end)
  }

  /** Writes again what was written at `start`: no object is made for it, as for a part of another buffer. */
  repeat(start: number, length: number): void {
    this.reserve(length)
    this.#bytes.copyWithin(this.#at, start, start + length)
    this.#at += length
  }

  /** Like `copy`, for a few bytes. */
  copyShort(from: Uint8Array): void {
    this.copyRange(from, 0, from.length)
  }

  /** Like `copy`, for about a hundred bytes at most. */
  copyRange(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start)
    const bytes = this.#bytes
    let at = this.#at
    for (let i = start; i < end; i++) bytes[at++] = from[i]!
    this.#at = at
  }

  /** A text of which each character is a byte. */
  binary(text: string): void {
    this.reserve(text.length)
    this.#at += this.#bytes.write(text, this.#at, 'latin1')
  }

  text(text: string): void {
    this.reserve(3 * text.length)
    this.#at += this.#bytes.write(text, this.#at)
  }

  /** Bytes in lower-case hexadecimal. */
  hex(from: Uint8Array, start: number, end: number): void {
    this.reserve(2 * (end - start))
    const bytes = this.#bytes
    for (let i = start; i < end; i++) {
      bytes[this.#at++] = HEX[from[i]! >> 4]!
      bytes[this.#at++] = HEX[from[i]! & 15]!
    }
  }

  /** A number in decimal, whole ones by hand. */
  decimal(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.text(String(value))
      return
    }
    this.reserve(MAX_DIGITS)
    const bytes = this.#bytes
    let rest = value
    let digits = MAX_DIGITS
    while (rest > 0x7fff_ffff) {
      const tens = Math.floor(rest / 10)
      DIGITS[--digits] = 48 + (rest - tens * 10)
      rest = tens
    }
    let small = rest | 0
    do {
      const tens = (small / 10) | 0
      DIGITS[--digits] = 48 + (small - tens * 10)
      small = tens
    } while (small > 0)
    let at = this.#at
    while (digits < MAX_DIGITS) bytes[at++] = DIGITS[digits++]!
    this.#at = at
  }

  /** A whole number of thousandths, as a decimal of the unit. */
  thousandths(value: number): void {
    const whole = Math.floor(value / 1000)
    const rest = value - whole * 1000
    this.decimal(whole)
    if (rest === 0) return
    this.reserve(4)
    const bytes = this.#bytes
    bytes[this.#at++] = 46
    bytes[this.#at++] = 48 + Math.floor(rest / 100)
    if (rest % 100 === 0) return
    bytes[this.#at++] = 48 + (Math.floor(rest / 10) % 10)
    if (rest % 10 !== 0) bytes[this.#at++] = 48 + (rest % 10)
  }

  /** Protobuf's varint of a whole number from 0 to 2^53 − 1. */
  varint(value: number): void {
    this.reserve(8)
    let rest = value
    while (rest > 0x7fff_ffff) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    let small = rest | 0
    while (small > 127) {
      this.#bytes[this.#at++] = (small & 127) | 128
      small >>>= 7
    }
    this.#bytes[this.#at++] = small
  }

  /** Protobuf's `sint` of a whole number. */
  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  double(value: number): void {
    this.reserve(8)
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}
