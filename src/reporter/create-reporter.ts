import { Reporter, type ReporterOptions } from './reporter.ts'
import { Spool, type SpoolOptions } from './spool/spool.ts'

export interface CreateReporterOptions extends Omit<ReporterOptions, 'spool'> {
  /** Where what cannot be sent is kept across restarts; without it, it is dropped when memory has no more room. */
  readonly spool?: SpoolOptions
}

/**
 * A reporter, which sends at once what a former life left in its spool.
 *
 * Rejects with a TypeError or RangeError where an option cannot be, with a SpoolError or the system's error where the spool's
 * directory cannot be used. That the ingest does not answer is no reason.
 */
export async function createReporter({ spool, ...options }: CreateReporterOptions): Promise<Reporter> {
  if (spool === undefined) return new Reporter(options)
  const opened = await Spool.open(spool)
  try {
    return new Reporter({ ...options, spool: opened })
  } catch (error) {
    await opened.close()
    throw error
  }
}
