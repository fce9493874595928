import { WIRE } from './protobuf-reader.ts'

const encoder = new TextEncoder()

/** Longest varint of a number up to 2^53. */
const MAX_VARINT_BYTES = 8
const MAX_UINT32 = 0xffffffff

/**
 * Writes protobuf's wire format into a buffer that grows.
 *
 * Methods write whatever they are given, zeros too: leaving out defaults is the caller's choice (`column` does it).
 * Numbers are whole, from 0 to 2^53 − 1 (`packedSigned`: ± that); any other is misuse and throws a RangeError.
 */
export class ProtobufWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #pos = 0

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity)
  }

  /** Bytes written. */
  get length(): number {
    return this.#pos
  }

  /** Forgets what was written. */
  reset(): void {
    this.#pos = 0
  }

  /** What was written, in a buffer of its own; the writer is empty again. */
  finish(): Uint8Array<ArrayBuffer> {
    const written = this.#bytes.slice(0, this.#pos)
    this.#pos = 0
    return written
  }

  varint(field: number, value: number): void {
    this.#ensure(5 + MAX_VARINT_BYTES)
    this.#tag(field, WIRE.varint)
    this.#varint(value)
  }

  fixed64(field: number, value: bigint): void {
    this.#ensure(5 + 8)
    this.#tag(field, WIRE.fixed64)
    new DataView(this.#bytes.buffer).setBigUint64(this.#pos, value, true)
    this.#pos += 8
  }

  string(field: number, text: string): void {
    this.bytes(field, encoder.encode(text))
  }

  /** Writes `bytes[start, end)`. */
  bytes(field: number, bytes: Uint8Array, start = 0, end = bytes.length): void {
    const length = end - start
    this.#ensure(5 + MAX_VARINT_BYTES + length)
    this.#tag(field, WIRE.bytes)
    this.#varint(length)
    this.#bytes.set(length === bytes.length ? bytes : bytes.subarray(start, end), this.#pos)
    this.#pos += length
  }

  /** Writes a nested message: whatever `body` writes. */
  message(field: number, body: () => void): void {
    const mark = this.begin(field)
    body()
    this.end(mark)
  }

  /** Begins a nested message; `end` takes what this returns. */
  begin(field: number): number {
    this.#ensure(5 + 1)
    this.#tag(field, WIRE.bytes)
    return ++this.#pos
  }

  /** Ends a nested message, writing its length before it. */
  end(mark: number): void {
    const length = this.#pos - mark
    const extra = varintSize(length) - 1
    if (extra > 0) {
      this.#ensure(extra)
      this.#bytes.copyWithin(mark + extra, mark, this.#pos)
    }
    this.#pos = mark - 1
    this.#varint(length)
    this.#pos += length
  }

  /** Writes the first `count` values as a packed field. */
  packed(field: number, values: Int32Array | Float64Array, count: number): void {
    const mark = this.begin(field)
    this.#ensure(count * MAX_VARINT_BYTES)
    const bytes = this.#bytes
    let pos = this.#pos
    for (let i = 0; i < count; i++) {
      const value = values[i]!
      if (value >= 0 && value < 0x80) {
        bytes[pos++] = value
      } else if (value >= 0x80 && value < 0x4000) {
        bytes[pos++] = (value & 0x7f) | 0x80
        bytes[pos++] = value >>> 7
      } else {
        this.#pos = pos
        this.#varint(value)
        pos = this.#pos
      }
    }
    this.#pos = pos
    this.end(mark)
  }

  /** As `packed`, but writes nothing where all values are 0. */
  column(field: number, values: Int32Array | Float64Array, count: number): void {
    for (let i = 0; i < count; i++) {
      if (values[i] !== 0) {
        this.packed(field, values, count)
        return
      }
    }
  }

  /** Writes the first `count` values as a packed field of `sint64`. */
  packedSigned(field: number, values: Float64Array, count: number): void {
    const mark = this.begin(field)
    // Twice a number of 53 bits has 54, which still fits the eight bytes of a varint.
    this.#ensure(count * MAX_VARINT_BYTES)
    for (let i = 0; i < count; i++) this.#signed(values[i]!)
    this.end(mark)
  }

  #signed(value: number): void {
    if (value >= -0x40000000 && value < 0x40000000) {
      this.#varint(((value << 1) ^ (value >> 31)) >>> 0)
      return
    }
    // In two steps: twice the value may not be exact. The lowest bit is the sign, the rest the magnitude.
    const negative = value < 0
    const magnitude = negative ? -value - 1 : value
    if (!(magnitude <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`${value} is not within ±2^53`)
    this.#bytes[this.#pos++] = ((magnitude % 64) * 2 + (negative ? 1 : 0)) | 0x80
    this.#varint(Math.floor(magnitude / 64))
  }

  #tag(field: number, wireType: number): void {
    this.#varint(((field << 3) | wireType) >>> 0)
  }

  /** Writes a varint where there is room for it. */
  #varint(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`${value} is not a number from 0 to 2^53 − 1`)
    }
    const bytes = this.#bytes
    let pos = this.#pos
    while (value > MAX_UINT32) {
      bytes[pos++] = (value % 0x80) | 0x80
      value = Math.floor(value / 0x80)
    }
    while (value >= 0x80) {
      bytes[pos++] = (value & 0x7f) | 0x80
      value >>>= 7
    }
    bytes[pos++] = value
    this.#pos = pos
  }

  #ensure(more: number): void {
    const needed = this.#pos + more
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#pos))
    this.#bytes = larger
  }
}

function varintSize(value: number): number {
  let size = 1
  while (value >= 0x80) {
    value = Math.floor(value / 0x80)
    size++
  }
  return size
}
