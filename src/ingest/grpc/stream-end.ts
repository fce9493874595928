import type { Message } from './message.ts'

/** Ends a stream when the last of its messages is done with: its failures wait for what is under way. */
export class StreamEnd {
  readonly #finish: (failure: unknown) => void
  #underWay = 0
  #isEnding = false
  #isFinished = false
  #failure: unknown

  /** `finish` is called once, with what made the stream end, undefined where its client did. */
  constructor(finish: (failure: unknown) => void) {
    this.#finish = finish
  }

  /**
   * Takes a message of the stream, which is released when `take` is done with it; a failure of it ends the stream. Answers false
   * where the stream is ending: then the message is released, and nobody takes it.
   */
  take(message: Message, take: (bytes: Buffer) => Promise<void>): boolean {
    const bytes = message.take()
    if (this.#isEnding) {
      message.release()
      return false
    }
    this.#underWay++
    take(bytes)
      .catch((error: unknown) => this.end(error))
      .finally(() => {
        message.release()
        this.#underWay--
        this.#advance()
      })
    return true
  }

  /** The first reason counts. */
  end(failure?: unknown): void {
    if (!this.#isEnding) this.#failure = failure
    this.#isEnding = true
    this.#advance()
  }

  #advance(): void {
    if (!this.#isEnding || this.#isFinished || this.#underWay > 0) return
    this.#isFinished = true
    this.#finish(this.#failure)
  }
}
