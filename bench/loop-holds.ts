import { closeSync, openSync, readSync } from 'node:fs'

/** Of this thread, on Linux: nanoseconds that it ran, nanoseconds that it could have run and others did, times it ran. */
const SCHEDULING = '/proc/thread-self/schedstat'

/**
 * How long the event loop is held at a time, collections of garbage included, without the time that others on the machine had
 * the processor. (`process.threadCpuUsage` will not do: the system counts that in ticks of 4 ms.)
 */
export class LoopHolds {
  #longest = 0
  readonly #scheduling = openSync(SCHEDULING, 'r')
  readonly #text = Buffer.alloc(128)
  #at = this.#ownMs()
  #next: NodeJS.Immediate

  constructor() {
    this.#next = setImmediate(() => this.#turn())
  }

  /** Milliseconds of the longest. */
  stop(): number {
    this.#note()
    clearImmediate(this.#next)
    closeSync(this.#scheduling)
    return this.#longest
  }

  #turn(): void {
    this.#note()
    this.#next = setImmediate(() => this.#turn())
  }

  #note(): void {
    const now = this.#ownMs()
    this.#longest = Math.max(this.#longest, now - this.#at)
    this.#at = now
  }

  /** Time that passed but for that when others ran. */
  #ownMs(): number {
    const length = readSync(this.#scheduling, this.#text, 0, this.#text.length, 0)
    const [, othersNanos] = this.#text.toString('latin1', 0, length).split(' ')
    return performance.now() - Number(othersNanos) / 1e6
  }
}
