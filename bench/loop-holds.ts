/**
 * How long the event loop is held at a time, collections of garbage included, in processor time of its thread: others on the
 * machine do not count. The system may count in ticks of 4 ms.
 */
export class LoopHolds {
  #longest = 0
  #at = process.threadCpuUsage()
  #next: NodeJS.Immediate

  constructor() {
    this.#next = setImmediate(() => this.#turn())
  }

  stop(): number {
    this.#note()
    clearImmediate(this.#next)
    return this.#longest
  }

  #turn(): void {
    this.#note()
    this.#next = setImmediate(() => this.#turn())
  }

  #note(): void {
    const { user, system } = process.threadCpuUsage(this.#at)
    this.#at = process.threadCpuUsage()
    this.#longest = Math.max(this.#longest, (user + system) / 1000)
  }
}
