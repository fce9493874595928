import type { HttpStats } from '../../http/http-stats.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'

/** Tells of a server of HTTP, by name. */
export function addHttpMetrics(metrics: OwnMetrics, server: 'gateway' | 'ingest', stats: HttpStats): void {
  metrics.add((tell) => {
    for (const { of: route, statusClass: code, count } of stats.answers.counts()) {
      tell('meshtap_http_requests_total', count, { server, route, code })
    }
    for (const [reason, count] of Object.entries(stats.problems)) {
      tell('meshtap_http_problems_total', count, { server, reason })
    }
    tell('meshtap_http_dropped_connections_total', stats.droppedConnections, { server })
    tell('meshtap_http_cut_connections_total', stats.cutConnections, { server })
  })
}
