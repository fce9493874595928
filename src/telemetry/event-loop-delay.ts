import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 10

/** The last is the longest delay. */
const PERCENTILES = [50, 99, 100] as const

/** How late the event loop's timers are: what anything else that becomes due waits as well. */
export class EventLoopDelay {
  static #ofProcess: EventLoopDelay | undefined
  readonly #histogram: ReturnType<typeof monitorEventLoopDelay>

  private constructor() {
    this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
    this.#histogram.enable()
  }

  /** The process has one loop, and one of these. */
  static ofProcess(): EventLoopDelay {
    return (this.#ofProcess ??= new EventLoopDelay())
  }

  /** In seconds, since this was last asked. */
  percentiles(): readonly (readonly [percentile: number, seconds: number])[] {
    const histogram = this.#histogram
    const found = PERCENTILES.map((percentile) => {
      // What it measures is the time from one timer to the next.
      const ms = histogram.count === 0 ? 0 : histogram.percentile(percentile) / 1e6 - RESOLUTION_MS
      return [percentile, Math.max(0, ms) / 1000] as const
    })
    histogram.reset()
    return found
  }
}
