/** What is shorter is not worth keeping. */
const MIN_BYTES = 32_768
/** Of what is not in use. */
const MAX_KEPT_BYTES = 32 * 2 ** 20

/**
 * Memory that is used again. V8 starts a collection of everything for each 64 MB of buffers that are made, however little
 * else there is to collect, so what is read is not to be put into a new one each time.
 *
 * What was taken and is never given back is collected as usual: so whoever is not sure that it is of no more use keeps it.
 */
export class ReusableMemory {
  /** By their lengths, which are powers of two. */
  readonly #kept = new Map<number, Buffer[]>()
  readonly #taken = new WeakSet<ArrayBufferLike>()
  readonly #maxKeptBytes: number
  #keptBytes = 0

  /** With 0, what is given back is not used again: for those whose readers keep all. */
  constructor(maxKeptBytes = MAX_KEPT_BYTES) {
    this.#maxKeptBytes = maxKeptBytes
  }

  /** A buffer of at least so many bytes, whatever they hold. It is all of its memory. */
  take(bytes: number): Buffer {
    if (bytes < MIN_BYTES) return Buffer.allocUnsafeSlow(bytes)
    const length = 2 ** Math.ceil(Math.log2(bytes))
    let buffer = this.#kept.get(length)?.pop()
    if (buffer === undefined) buffer = Buffer.allocUnsafeSlow(length)
    else this.#keptBytes -= length
    this.#taken.add(buffer.buffer)
    return buffer
  }

  /** A copy of bytes, in memory of its own. */
  copy(bytes: Buffer): Buffer {
    const buffer = this.take(bytes.length)
    bytes.copy(buffer)
    return buffer.subarray(0, bytes.length)
  }

  /** Takes back the memory of a buffer, all of it, where it was taken from here. Nothing may read or write it any more. */
  give({ buffer: memory }: Uint8Array): void {
    if (!this.#taken.delete(memory)) return
    const { byteLength } = memory
    if (this.#keptBytes + byteLength > this.#maxKeptBytes) return
    this.#keptBytes += byteLength
    const kept = this.#kept.get(byteLength)
    if (kept === undefined) this.#kept.set(byteLength, [Buffer.from(memory)])
    else kept.push(Buffer.from(memory))
  }
}

/** How far beyond the end of what it appends a writer may write, as one does that copies many bytes at a time. */
export const SPARE_BYTES = 16

/** Bytes that are appended, in memory that is exchanged for twice as much where it is not enough. */
export class GrowingBytes {
  /** The first `length` of them count. */
  bytes!: Buffer
  /** Of the same memory. */
  view!: DataView
  length = 0
  /** Up to which length may be appended without `reserve`. */
  limit!: number
  readonly #memory: ReusableMemory
  readonly #maxBytes: number

  constructor(memory: ReusableMemory, expectedBytes: number, maxBytes: number) {
    this.#memory = memory
    this.#maxBytes = maxBytes
    this.#use(memory.take(Math.min(expectedBytes, maxBytes) + SPARE_BYTES))
  }

  /** Makes room for so many more. Throws where they would be too many. */
  reserve(more: number): void {
    const { bytes, length } = this
    const needed = length + more
    if (needed > this.#maxBytes)
      throw new Error(`it would become ${needed} bytes, of which it may have ${this.#maxBytes}`)
    if (needed <= this.limit) return
    this.#use(this.#memory.take(Math.max(2 * bytes.length, needed + SPARE_BYTES)))
    this.bytes.set(bytes.subarray(0, length))
    this.#memory.give(bytes)
  }

  append(more: Uint8Array): void {
    this.reserve(more.length)
    this.bytes.set(more, this.length)
    this.length += more.length
  }

  /** Gives the memory back. */
  drop(): void {
    this.#memory.give(this.bytes)
  }

  #use(bytes: Buffer): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
    this.limit = Math.min(bytes.length - SPARE_BYTES, this.#maxBytes)
  }
}
