import { faultAt, ProtobufReader, WIRE } from './protobuf-reader.ts'

const NO_BYTES: Uint8Array = new Uint8Array(0)

/**
 * Steps through protobuf's wire format by offsets, for scans that are too hot for a reader: `tag`, then `lengthEnd`,
 * `int`, or `skip`, each leaving `pos` after what it read. What is short it reads itself, the rest is left to a
 * `ProtobufReader`, which also finds the faults.
 */
export class WireScanner {
  protected bytes = NO_BYTES
  /** The same bytes, for numbers of more than one. */
  protected view = new DataView(NO_BYTES.buffer)
  /** Offset after what was read last. */
  protected pos = 0
  protected unknownFields = 0
  #reader = new ProtobufReader(NO_BYTES)

  protected hold(bytes: Uint8Array): void {
    // A plain Uint8Array even of a Buffer: the hot loops are compiled for one class of array.
    this.bytes =
      bytes.constructor === Uint8Array
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#reader = new ProtobufReader(bytes)
    this.unknownFields = 0
  }

  /** Forgets the bytes, so that nothing keeps them. */
  protected release(): void {
    this.hold(NO_BYTES)
  }

  /** The tag at `pos`, which is before `end`; `pos` is after it. */
  protected tag(pos: number, end: number): number {
    const first = this.bytes[pos]!
    if (first < 0x80) {
      this.pos = pos + 1
      return first
    }
    if (pos + 1 < end && this.bytes[pos + 1]! < 0x80) {
      this.pos = pos + 2
      return (first & 0x7f) | (this.bytes[pos + 1]! << 7)
    }
    const reader = this.#seek(pos, end)
    const field = reader.tag()
    this.pos = reader.pos
    return ((field << 3) | reader.wireType) >>> 0
  }

  /** Reads the length at `pos`: returns where what it counts ends; `pos` is where it starts. */
  protected lengthEnd(pos: number, end: number): number {
    if (pos < end) {
      const length = this.bytes[pos]!
      const to = pos + 1 + length
      if (length < 0x80 && to <= end) {
        this.pos = pos + 1
        return to
      }
    }
    const reader = this.#seek(pos, end)
    const to = reader.lengthEnd()
    this.pos = reader.pos
    return to
  }

  /** Reads an int64; `pos` is after it. */
  protected int(pos: number, end: number): number {
    const bytes = this.bytes
    const first = pos < end ? bytes[pos]! : 0x80
    if (first < 0x80) {
      this.pos = pos + 1
      return first
    }
    const second = pos + 1 < end ? bytes[pos + 1]! : 0x80
    if (second < 0x80) {
      this.pos = pos + 2
      return (first & 0x7f) | (second << 7)
    }
    const third = pos + 2 < end ? bytes[pos + 2]! : 0x80
    if (third < 0x80) {
      this.pos = pos + 3
      return (first & 0x7f) | ((second & 0x7f) << 7) | (third << 14)
    }
    const reader = this.#seek(pos, end)
    const value = reader.int64()
    this.pos = reader.pos
    return value
  }

  protected need(count: number, pos: number, end: number): void {
    if (end - pos < count)
      throw faultAt('truncated', pos, `${count} bytes are expected, but only ${end - pos} are left`)
  }

  /** Skips the value of `tag` at `pos`, a field that does not matter or is not known, and returns where it ends. */
  protected skip(tag: number, end: number, fields: readonly number[]): number {
    this.check(tag, this.pos, fields)
    return this.skipValue(tag, end)
  }

  /** Checks the tag of a field that does not matter, whose value is at `pos`, and counts it if it is not known. */
  protected check(tag: number, pos: number, fields: readonly number[]): void {
    if (tag < 8) throw faultAt('protobuf', pos, 'a field has the impossible number 0')
    const expected = fields[tag >>> 3]
    if (expected === undefined || expected < 0) this.unknownFields++
    else if (expected !== (tag & 7)) {
      const message = `field ${tag >>> 3} has the wire type ${tag & 7} where ${expected} is expected`
      throw faultAt('field-type', pos, message)
    }
  }

  protected skipValue(tag: number, end: number): number {
    if ((tag & 7) === WIRE.bytes) return this.lengthEnd(this.pos, end)
    const reader = this.#seek(this.pos, end)
    reader.wireType = tag & 7
    reader.skip()
    return reader.pos
  }

  #seek(pos: number, end: number): ProtobufReader {
    const reader = this.#reader
    reader.pos = pos
    reader.end = end
    return reader
  }
}
