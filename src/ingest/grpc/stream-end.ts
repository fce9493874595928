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

  /** Whether no more messages are to be taken. */
  get isEnding(): boolean {
    return this.#isEnding
  }

  begin(): void {
    this.#underWay++
  }

  done(): void {
    this.#underWay--
    this.#advance()
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
