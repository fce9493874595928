import type { StreamEnd } from './admission.ts'
import type { TapSession } from './tap-session.ts'

/** A tap that is open for a client, however it comes to its end. */
export class OpenTap {
  readonly session: TapSession
  readonly #onEnd: (why: string) => void
  #isOver = false
  #tell: ((end: StreamEnd) => void) | undefined

  /** `onEnd` is told once why it ended: `client`, `server`, or a code. */
  constructor(session: TapSession, onEnd: (why: string) => void) {
    this.session = session
    this.#onEnd = onEnd
  }

  /** Has a client that can be told that its tap is over. */
  onStop(tell: (end: StreamEnd) => void): void {
    this.#tell = tell
  }

  /** Ends it because its viewer may not look on. */
  stop(end: StreamEnd): void {
    this.#tell?.(end)
    void this.end(end.code)
  }

  /** Idempotent. */
  async end(why: string): Promise<void> {
    if (!this.#isOver) {
      this.#isOver = true
      this.#onEnd(why)
    }
    await this.session.close()
  }
}
