import type { IngestServer } from '../../ingest/ingest.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'
import { addHttpMetrics } from './http-metrics.ts'

/** Tells of the server that takes events over HTTP. */
export function addIngestMetrics(
  metrics: OwnMetrics,
  {
    ingest,
    inFlightLimit,
  }: { readonly ingest: Pick<IngestServer, 'stats' | 'bodies'>; readonly inFlightLimit: number },
): void {
  const { stats, bodies } = ingest
  addHttpMetrics(metrics, 'ingest', stats)
  const of = { transport: 'http' }
  metrics.add((tell) => {
    for (const { of: format, statusClass: code, count } of bodies.counts()) {
      tell('meshtap_ingest_requests_total', count, { format, code })
    }
    tell('meshtap_ingest_events_total', stats.events, of)
    tell('meshtap_ingest_records_total', stats.records, of)
    tell('meshtap_ingest_wire_bytes_total', stats.wireBytes, of)
    tell('meshtap_ingest_body_bytes_total', stats.bodyBytes, of)
    tell('meshtap_ingest_unknown_fields_total', stats.unknownFields, of)
    tell('meshtap_ingest_skipped_spans_total', stats.skippedSpans, of)
    tell('meshtap_ingest_in_flight_bytes', stats.inFlightBytes)
    tell('meshtap_ingest_in_flight_limit_bytes', inFlightLimit)
  })
}
