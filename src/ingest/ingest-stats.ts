import { type HttpStats, httpStats } from '../http/http-stats.ts'

/** Running counts of what one transport brought into the log. */
export interface IntakeStats {
  /** Events that the log has. */
  events: number
  /** Log records made of them. */
  records: number
  /** Bytes of bodies over the wire, and inflated. */
  wireBytes: number
  bodyBytes: number
  /** Bytes of bodies being handled now; those of all transports that share a budget. */
  readonly inFlightBytes: number
  unknownFields: number
  /** Spans that are no request, and log records or entries that are none. */
  skippedSpans: number
}

/** Running counts of an ingest server; what it refused is in `problems`, by code. */
export type IngestStats = HttpStats & IntakeStats

export function ingestStats(inFlightBytes: () => number): IngestStats {
  return Object.assign(intakeStats(inFlightBytes), httpStats())
}

export function intakeStats(inFlightBytes: () => number): IntakeStats {
  return {
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
