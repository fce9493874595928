import { type FileHandle, open } from 'node:fs/promises'

/** A file grows by an eighth of itself, within these bounds. */
const MIN_STEP = 2 ** 20
const MAX_STEP = 64 * 2 ** 20
const ZEROS = Buffer.alloc(2 ** 20)

/**
 * Lengthens a database's file before LMDB needs it, with zeros that LMDB writes over. So a full disk, a quota or a limit
 * on the size of files is met here, where it is an error like any other.
 *
 * LMDB must not meet it: the lmdb-js of today (3.5) writes its complaint about a failed write beyond the memory it has
 * for it (`mdb_page_flush`), which may crash the process. On file systems that copy on write this does not help.
 */
export class FileGrowth {
  /** Appends only: never writes over a page, whoever lengthened the file. */
  readonly #file: FileHandle
  #bytes: number
  /** Growing, one after the other. */
  #turn: Promise<void> = Promise.resolve()

  private constructor(file: FileHandle, bytes: number) {
    this.#file = file
    this.#bytes = bytes
  }

  static async open(path: string): Promise<FileGrowth> {
    const file = await open(path, 'a')
    return new FileGrowth(file, (await file.stat()).size)
  }

  /** The file's length. */
  get bytes(): number {
    return this.#bytes
  }

  /** Makes the file at least so long. Rejects with the system's error, and may have made it longer all the same. */
  async growTo(bytes: number): Promise<void> {
    if (bytes <= this.#bytes) return
    const turn = this.#turn.then(() => this.#grow(bytes))
    this.#turn = turn.catch(() => {})
    await turn
  }

  async close(): Promise<void> {
    await this.#turn
    await this.#file.close()
  }

  async #grow(bytes: number): Promise<void> {
    if (bytes <= this.#bytes) return
    const step = Math.min(MAX_STEP, Math.max(MIN_STEP, Math.ceil(this.#bytes / 8)))
    try {
      this.#bytes = (await this.#file.stat()).size
      while (this.#bytes < bytes + step) {
        const length = Math.min(ZEROS.length, bytes + step - this.#bytes)
        this.#bytes += (await this.#file.write(ZEROS, 0, length)).bytesWritten
      }
    } catch (error) {
      // What is needed now may be there all the same.
      if (this.#bytes < bytes) throw error
    }
  }
}
