/** What is shorter is not worth keeping. */
const MIN_BYTES = 32_768
/** Of what is not in use. */
const MAX_KEPT_BYTES = 64 * 2 ** 20
/** So many times what is needed may be given: more would be missed by those who need it. */
const MOST_TIMES = 3

/**
 * Memory that is used again. V8 starts a collection of everything for each 64 MB of buffers that are made, however little
 * else there is to collect, so what is read is not to be put into a new one each time.
 *
 * What was taken and is never given back is collected as usual: so whoever is not sure that it is of no more use keeps it.
 */
export class ReusableMemory {
  readonly #kept: Buffer[] = []
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
    const kept = this.#keptFor(bytes)
    const buffer = kept ?? Buffer.allocUnsafeSlow(rounded(bytes))
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
    if (this.#keptBytes + memory.byteLength > this.#maxKeptBytes) return
    this.#keptBytes += memory.byteLength
    this.#kept.push(Buffer.from(memory))
  }

  /** The shortest that is kept of those that are long enough and not much too long; of the like the one given last. */
  #keptFor(bytes: number): Buffer | undefined {
    const kept = this.#kept
    let best = -1
    for (let i = kept.length - 1; i >= 0; i--) {
      const { length } = kept[i]!
      if (length < bytes || length > MOST_TIMES * bytes) continue
      if (best < 0 || length < kept[best]!.length) best = i
    }
    if (best < 0) return undefined
    const [buffer] = kept.splice(best, 1)
    this.#keptBytes -= buffer!.length
    return buffer
  }
}

/** Up to a quarter more, so that one who needs a little more than the last finds room too. */
function rounded(bytes: number): number {
  const step = 2 ** Math.floor(Math.log2(bytes) - 2)
  return Math.ceil(bytes / step) * step
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
