import type { ReusableMemory } from './reusable-memory.ts'

const LENGTH_BYTES = 4
/** No answer is longer; who says that one is speaks another protocol. */
const MAX_ANSWER_BYTES = 2 ** 28

/** Puts the answers of a connection together of what comes from its socket, each copied once. */
export class AnswerFrames {
  readonly #memory: ReusableMemory
  readonly #take: (answer: Buffer) => void
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  /** The answer that comes, or its length until that is known. */
  #answer: Buffer = this.#length
  /** Where the next byte of it goes. */
  #at = 0

  /** `take` gets each answer, its length in front, and may give its memory back. */
  constructor(memory: ReusableMemory, take: (answer: Buffer) => void) {
    this.#memory = memory
    this.#take = take
  }

  /** Takes what came. Throws where it is no answer, after which nothing more is to come. */
  push(chunk: Buffer): void {
    for (let from = 0; from < chunk.length;) {
      const bytes = Math.min(chunk.length - from, this.#answer.length - this.#at)
      chunk.copy(this.#answer, this.#at, from, from + bytes)
      from += bytes
      this.#at += bytes
      if (this.#at < this.#answer.length) return
      if (this.#answer === this.#length) this.#begin()
      else this.#end()
    }
  }

  #begin(): void {
    const length = this.#length.readInt32BE()
    if (length < LENGTH_BYTES || length > MAX_ANSWER_BYTES)
      throw new Error(`an answer of ${length} bytes is none of Kafka's`)
    this.#answer = this.#memory.take(LENGTH_BYTES + length).subarray(0, LENGTH_BYTES + length)
    this.#length.copy(this.#answer)
  }

  #end(): void {
    const answer = this.#answer
    this.#answer = this.#length
    this.#at = 0
    this.#take(answer)
  }
}
