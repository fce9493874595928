import type { GrpcStats } from '../../ingest/grpc/grpc-stats.ts'
import type { IngestServer } from '../../ingest/ingest.ts'
import type { IntakeStats } from '../../ingest/ingest-stats.ts'
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
  addIntakeMetrics(metrics, 'http', stats)
  metrics.add((tell) => {
    for (const { of: format, statusClass: code, count } of bodies.counts()) {
      tell('meshtap_ingest_requests_total', count, { format, code })
    }
    tell('meshtap_ingest_in_flight_bytes', stats.inFlightBytes)
    tell('meshtap_ingest_in_flight_limit_bytes', inFlightLimit)
  })
}

/** Tells of the server that takes events over gRPC. */
export function addGrpcMetrics(metrics: OwnMetrics, stats: GrpcStats): void {
  addIntakeMetrics(metrics, 'grpc', stats)
  metrics.add((tell) => {
    tell('meshtap_grpc_calls_total', stats.calls)
    tell('meshtap_grpc_open_calls', stats.openCalls)
    for (const [reason, count] of Object.entries(stats.problems))
      tell('meshtap_grpc_problems_total', count, { reason })
    tell('meshtap_grpc_dropped_connections_total', stats.droppedConnections)
    tell('meshtap_grpc_waiting_messages', stats.waitingMessages)
    tell('meshtap_grpc_retries_total', stats.retries)
    tell('meshtap_grpc_lost_messages_total', stats.lostMessages)
  })
}

function addIntakeMetrics(metrics: OwnMetrics, transport: 'http' | 'grpc', stats: IntakeStats): void {
  const of = { transport }
  metrics.add((tell) => {
    tell('meshtap_ingest_events_total', stats.events, of)
    tell('meshtap_ingest_records_total', stats.records, of)
    tell('meshtap_ingest_wire_bytes_total', stats.wireBytes, of)
    tell('meshtap_ingest_body_bytes_total', stats.bodyBytes, of)
    tell('meshtap_ingest_unknown_fields_total', stats.unknownFields, of)
    tell('meshtap_ingest_skipped_spans_total', stats.skippedSpans, of)
  })
}
