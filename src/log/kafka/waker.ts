/** Waits of one loop, at most one at a time, which others can end early. */
export class Waker {
  #wake: (() => void) | undefined

  /** Resolves when it is woken. */
  wait(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  /** Resolves when the time is over, or when it is woken. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Ends the wait under way; one that begins later is not ended. */
  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
