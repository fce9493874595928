import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../http/server.ts'

export interface IngestLimits extends HttpLimits {
  /** Most bytes of a body, compressed and inflated; beyond it 413. OTLP recommends 20 MiB. */
  readonly bodyBytes: number
  /** Bytes of all bodies being handled, until the log has them; beyond it 429. At least `bodyBytes`. */
  readonly inFlightBytes: number
  /** Longest value of a log record. Larger bodies are split, but for numbered batches: 413. */
  readonly recordBytes: number
}

export const DEFAULT_INGEST_LIMITS: IngestLimits = {
  ...DEFAULT_HTTP_LIMITS,
  bodyBytes: 20 * 1024 * 1024,
  inFlightBytes: 128 * 1024 * 1024,
  recordBytes: 1_000_000,
}

export function ingestLimits(given: Partial<IngestLimits> = {}): IngestLimits {
  const limits = { ...DEFAULT_INGEST_LIMITS, ...given }
  if (limits.inFlightBytes < limits.bodyBytes) {
    throw new RangeError(
      `inFlightBytes (${limits.inFlightBytes}) is less than bodyBytes (${limits.bodyBytes}): ` +
        'a body of the largest size could never be taken',
    )
  }
  return limits
}
