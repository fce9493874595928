import { DecodeError } from './decode-error.ts'

/** Wire types of protobuf. */
export const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const

/** Groups inside groups that `skip` follows. */
const MAX_GROUP_DEPTH = 32

const TWO_28 = 2 ** 28
const TWO_56 = 2 ** 56

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads protobuf's wire format out of `bytes[pos, end)`, from https://protobuf.dev/programming-guides/encoding.
 *
 * Every method throws a `DecodeError` that names the byte offset when the input ends early or cannot be right; none
 * reads past `end`. Offsets count from the start of `bytes`, in nested messages too.
 */
export class ProtobufReader {
  readonly bytes: Uint8Array
  /** Offset of the next byte. */
  pos: number
  /** Offset after the last byte of the message being read. */
  end: number
  /** Wire type of the last tag read. */
  wireType = 0
  /** Parts of the last long varint: bits 0–27, 28–55 and 56–63. */
  #low = 0
  #middle = 0
  #high = 0

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.pos = start
    this.end = end
  }

  /** Whether the message has been read to its end. */
  get done(): boolean {
    return this.pos >= this.end
  }

  /** Reads a tag: returns the field's number and keeps its `wireType`. */
  tag(): number {
    const at = this.pos
    const tag = this.varint()
    if (tag < 8 || tag > 0xffffffff) throw faultAt('protobuf', at, 'a field has an impossible number')
    this.wireType = tag & 7
    return tag >>> 3
  }

  /** Reads a varint of at most 2^53 − 1. */
  varint(): number {
    const { bytes, pos, end } = this
    if (pos + 1 < end) {
      const first = bytes[pos]!
      if (first < 0x80) {
        this.pos = pos + 1
        return first
      }
      const second = bytes[pos + 1]!
      if (second < 0x80) {
        this.pos = pos + 2
        return (first & 0x7f) | (second << 7)
      }
      if (pos + 2 < end && bytes[pos + 2]! < 0x80) {
        this.pos = pos + 3
        return (first & 0x7f) | ((second & 0x7f) << 7) | (bytes[pos + 2]! << 14)
      }
    }
    this.#parts()
    const value = this.#low + this.#middle * TWO_28 + this.#high * TWO_56
    if (value > Number.MAX_SAFE_INTEGER) throw faultAt('out-of-range', pos, 'a number is 2^53 or more')
    return value
  }

  /** Reads an `int64`; beyond ±2^53 it is rounded. */
  int64(): number {
    this.#parts()
    if (this.#high < 0x80) return this.#low + this.#middle * TWO_28 + this.#high * TWO_56
    const low = TWO_28 - 1 - this.#low
    const middle = TWO_28 - 1 - this.#middle
    return -(low + middle * TWO_28 + (0xff - this.#high) * TWO_56 + 1)
  }

  /** Reads a `sint64` within ±2^53. */
  sint64(): number {
    const at = this.pos
    this.#parts()
    const magnitude = (this.#low >>> 1) + this.#middle * (TWO_28 / 2) + this.#high * (TWO_56 / 2)
    if (magnitude > Number.MAX_SAFE_INTEGER) throw faultAt('out-of-range', at, 'a number is beyond ±2^53')
    return this.#low & 1 ? -magnitude - 1 : magnitude
  }

  /** Reads 4 bytes as an unsigned number. */
  fixed32(): number {
    const at = this.#take(4)
    const { bytes } = this
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  }

  /** Reads a length: returns where what it counts ends, leaving `pos` at its start. */
  lengthEnd(): number {
    const at = this.pos
    const length = this.varint()
    if (length > this.end - this.pos) {
      throw faultAt('truncated', at, `a length of ${length} bytes, but only ${this.end - this.pos} are left`)
    }
    return this.pos + length
  }

  /** Enters a nested message and returns what `leave` needs to come back. */
  enter(): number {
    const outer = this.end
    this.end = this.lengthEnd()
    return outer
  }

  /** Enters a varint as if it were a packed field of one value; `leave` takes what this returns. */
  enterVarint(): number {
    const outer = this.end
    const start = this.pos
    this.#parts()
    this.end = this.pos
    this.pos = start
    return outer
  }

  /** Leaves a nested message, skipping what was not read of it. */
  leave(outer: number): void {
    this.pos = this.end
    this.end = outer
  }

  /** A reader of a nested message; this one goes on after it. */
  message(): ProtobufReader {
    const end = this.lengthEnd()
    const nested = new ProtobufReader(this.bytes, this.pos, end)
    this.pos = end
    return nested
  }

  string(): string {
    return decoder.decode(this.byteString())
  }

  /** The message that was entered, read to its end as text. */
  rest(): string {
    const text = decoder.decode(this.bytes.subarray(this.pos, this.end))
    this.pos = this.end
    return text
  }

  /** A `bytes` field, as a view of the input. */
  byteString(): Uint8Array {
    const end = this.lengthEnd()
    const view = this.bytes.subarray(this.pos, end)
    this.pos = end
    return view
  }

  /** Skips the value whose tag was read last. */
  skip(): void {
    this.#skip(this.wireType, 0)
  }

  /**
   * Reads varints of at most 2^31 − 1 to the end of the message, or until `out` is full, into `out` from `at` on.
   * Returns the index after the last.
   *
   * Whether a number has one byte or two is random in most columns, so it is no branch: one guessed wrong costs twice
   * as much as all of this.
   */
  packedInts(out: Int32Array, at: number): number {
    const { bytes, end } = this
    const room = out.length
    let pos = this.pos
    for (;;) {
      for (const safe = end - 1; pos < safe && at < room;) {
        const first = bytes[pos]!
        const second = bytes[pos + 1]!
        const isTwo = first >> 7
        if ((isTwo & (second >> 7)) !== 0) break
        out[at++] = (first & 0x7f) | (((second & 0x7f) << 7) & -isTwo)
        pos += 1 + isTwo
      }
      if (pos >= end || at >= room) break
      this.pos = pos
      const value = this.varint()
      if (value > 0x7fffffff) throw faultAt('out-of-range', pos, `${value} is beyond 2^31 − 1`)
      out[at++] = value
      pos = this.pos
    }
    this.pos = pos
    return at
  }

  /** As `packedInts`, for numbers of at most 2^53 − 1, of which those of up to three bytes are quick. */
  packedNumbers(out: Float64Array, at: number): number {
    const { bytes, end } = this
    const room = out.length
    let pos = this.pos
    for (;;) {
      for (const safe = end - 2; pos < safe && at < room;) {
        const first = bytes[pos]!
        const second = bytes[pos + 1]!
        const third = bytes[pos + 2]!
        const isTwo = first >> 7
        const isThree = isTwo & (second >> 7)
        if ((isThree & (third >> 7)) !== 0) break
        out[at++] = (first & 0x7f) | (((second & 0x7f) << 7) & -isTwo) | ((third << 14) & -isThree)
        pos += 1 + isTwo + isThree
      }
      if (pos >= end || at >= room) break
      this.pos = pos
      out[at++] = this.varint()
      pos = this.pos
    }
    this.pos = pos
    return at
  }

  /** As `packedInts`, for `sint64` within ±2^53. */
  packedSigned(out: Float64Array, at: number): number {
    const { bytes, end } = this
    const room = out.length
    let pos = this.pos
    for (;;) {
      for (const safe = end - 1; pos < safe && at < room;) {
        const first = bytes[pos]!
        const second = bytes[pos + 1]!
        const isTwo = first >> 7
        if ((isTwo & (second >> 7)) !== 0) break
        const raw = (first & 0x7f) | (((second & 0x7f) << 7) & -isTwo)
        out[at++] = (raw >>> 1) ^ -(raw & 1)
        pos += 1 + isTwo
      }
      if (pos >= end || at >= room) break
      this.pos = pos
      out[at++] = this.sint64()
      pos = this.pos
    }
    this.pos = pos
    return at
  }

  /** Reads a varint of up to ten bytes into its parts. */
  #parts(): void {
    const { bytes, end } = this
    const start = this.pos
    let pos = start
    let low = 0
    let middle = 0
    let high = 0
    for (let group = 0; ; group++) {
      if (pos >= end) throw faultAt('truncated', start, 'the input ends inside a number')
      const byte = bytes[pos++]!
      const bits = byte & 0x7f
      if (group < 4) low |= bits << (7 * group)
      else if (group < 8) middle |= bits << (7 * (group - 4))
      else if (group === 8) high = bits
      else if (byte > 1) throw faultAt('protobuf', start, 'a number is longer than 64 bits')
      else high |= bits << 7
      if (byte < 0x80) break
    }
    this.pos = pos
    this.#low = low
    this.#middle = middle
    this.#high = high
  }

  #take(count: number): number {
    const at = this.pos
    if (count > this.end - at) {
      throw faultAt('truncated', at, `${count} bytes are expected, but only ${this.end - at} are left`)
    }
    this.pos = at + count
    return at
  }

  #skip(wireType: number, depth: number): void {
    const at = this.pos
    switch (wireType) {
      case WIRE.varint:
        this.#parts()
        return
      case WIRE.fixed64:
        this.#take(8)
        return
      case WIRE.bytes:
        this.pos = this.lengthEnd()
        return
      case WIRE.fixed32:
        this.#take(4)
        return
      case WIRE.startGroup:
        if (depth === MAX_GROUP_DEPTH) throw faultAt('protobuf', at, 'groups are nested too deep')
        for (this.tag(); this.wireType !== WIRE.endGroup; this.tag()) this.#skip(this.wireType, depth + 1)
        return
      default:
        throw faultAt('protobuf', at, `a field has the impossible wire type ${wireType}`)
    }
  }
}

/** The error for a fault at a byte offset. */
export function faultAt(reason: string, offset: number, message: string): DecodeError {
  return new DecodeError(reason, `byte ${offset}`, message)
}
