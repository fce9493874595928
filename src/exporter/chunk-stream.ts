import { Readable, type Writable } from 'node:stream'
import type { Chunk } from './sample-writer.ts'

/** Chunks as they are made, and who is told which of them are sent. */
export interface ChunkSource {
  readonly chunks: AsyncGenerator<Chunk, void>
  /** Told that a chunk's bytes are no longer looked at, and may be overwritten. */
  readonly onSent: (chunk: Chunk) => void
}

/**
 * A stream of chunks whose memory is used again: garbage of a gigabyte a second makes for long and many collections.
 *
 * Only what is piped tells when a chunk is sent (a writable tells it of each write). Whoever reads it otherwise has the
 * chunks for good.
 */
export class ChunkStream extends Readable {
  readonly #source: ChunkSource
  #isPiped = false

  constructor(source: ChunkSource) {
    super({ highWaterMark: 1 })
    this.#source = source
  }

  /** To one destination, from the first byte to the last. */
  override pipe<T extends NodeJS.WritableStream>(destination: T, { end = true }: { end?: boolean } = {}): T {
    if (this.#isPiped || this.readableDidRead) throw new Error('what was read in part cannot be piped')
    this.#isPiped = true
    if (end) this.once('end', () => destination.end())
    // Node's type of a destination lacks what all of them have.
    void this.#send(destination as unknown as Writable)
    return destination
  }

  override _read(): void {
    if (!this.#isPiped) void this.#pushNext()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Not waited for: what is being made is made to its end first.
    void this.#stop()
    callback(error)
  }

  async #stop(): Promise<void> {
    try {
      await this.#source.chunks.return()
    } catch {
      // The stream has its error, or wants none.
    }
  }

  async #pushNext(): Promise<void> {
    try {
      const { done, value } = await this.#source.chunks.next()
      if (!this.destroyed) this.push(done === true ? null : value)
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  async #send(destination: Writable): Promise<void> {
    const { chunks, onSent } = this.#source
    try {
      for (;;) {
        const { done, value } = await chunks.next()
        if (this.destroyed || destination.destroyed) return
        if (done === true) break
        const hasRoom = destination.write(value, (error) => {
          if (error === null || error === undefined) onSent(value)
        })
        if (!hasRoom) await this.#drained(destination)
      }
      this.push(null)
      this.resume()
    } catch (error) {
      this.destroy(error as Error)
    }
  }

  /** Resolves when the destination takes more, or either is closed. */
  async #drained(destination: Writable): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const resolved = () => resolve()
    destination.once('drain', resolved).once('close', resolved)
    this.once('close', resolved)
    await promise
    destination.off('drain', resolved).off('close', resolved)
    this.off('close', resolved)
  }
}
