import type { Test } from 'tap'
import {
  EmbeddedEventLog,
  type EmbeddedEventLogOptions,
} from '../../../src/log/embedded/embedded-event-log.ts'

export interface OpenedLog {
  readonly log: EmbeddedEventLog
  readonly path: string
  readonly clock: { nowMs: number }
  /** Opens the same directory anew, after the last one was closed. */
  readonly reopen: (options?: Partial<EmbeddedEventLogOptions>) => Promise<EmbeddedEventLog>
}

/** A log in the test's directory, on a clock of its own; what was to be tried again later is tried at once. */
export async function openEmbedded(
  t: Test,
  options: Partial<EmbeddedEventLogOptions> = {},
): Promise<OpenedLog> {
  const clock = { nowMs: 1_700_000_000_000 }
  const path = options.path ?? t.testdir({})
  const reopen = async (more: Partial<EmbeddedEventLogOptions> = {}) => {
    const log = await EmbeddedEventLog.open({
      path,
      partitions: 2,
      maxBytes: 64 * 2 ** 20,
      maxAgeMs: 5 * 60_000,
      now: () => clock.nowMs,
      timer: (ms, run) => {
        // What retention waits for is the clock's to bring about.
        if (ms >= 20_000) return () => {}
        const immediate = setImmediate(run)
        return () => clearImmediate(immediate)
      },
      ...options,
      ...more,
    })
    t.teardown(() => log.close())
    return log
  }
  return { log: await reopen(), path, clock, reopen }
}
