import { type HttpStats, httpStats } from '../http/http-stats.ts'

/** Running counts of an ingest server; what it refused is in `problems`, by code. */
export interface IngestStats extends HttpStats {
  /** Events that the log has. */
  events: number
  /** Log records made of them. */
  records: number
  /** Bytes of bodies over the wire, and inflated. */
  wireBytes: number
  bodyBytes: number
  /** Bytes of bodies being handled now. */
  readonly inFlightBytes: number
  unknownFields: number
  /** Spans that are no request. */
  skippedSpans: number
}

export function ingestStats(inFlightBytes: () => number): IngestStats {
  return {
    ...httpStats(),
    events: 0,
    records: 0,
    wireBytes: 0,
    bodyBytes: 0,
    get inFlightBytes() {
      return inFlightBytes()
    },
    unknownFields: 0,
    skippedSpans: 0,
  }
}
