import type { RequestEvent } from '../../src/event/event.ts'

/** Takes events as a reporter does, and keeps them. */
export class ReportedEvents {
  readonly all: RequestEvent[] = []
  #wake: (() => void) | undefined

  report(event: RequestEvent): void {
    this.all.push(event)
    this.#wake?.()
  }

  /** The events, as soon as there are that many. */
  async once(count: number): Promise<readonly RequestEvent[]> {
    while (this.all.length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.all
  }
}
