import type { GatewayServer } from '../../gateway/gateway.ts'
import type { GatewayLimits } from '../../gateway/limits.ts'
import type { StreamKind, Transport } from '../../gateway/stream-tally.ts'
import type { TapHub } from '../../gateway/tap-hub.ts'
import type { QueryEngine } from '../../query/query-engine.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'
import { addHttpMetrics } from './http-metrics.ts'

export interface GatewayParts {
  readonly gateway: Pick<GatewayServer, 'stats' | 'websockets' | 'live' | 'streams'>
  readonly taps: Pick<TapHub, 'stats' | 'limits'>
  readonly engine: Pick<QueryEngine, 'cache'>
  readonly limits: Pick<GatewayLimits, 'liveQuestions' | 'liveClients'>
}

const STREAMS = ['tap', 'live'] as const satisfies readonly StreamKind[]
const TRANSPORTS = ['websocket', 'ndjson'] as const satisfies readonly Transport[]

/** Tells of the server that answers queries and streams taps. */
export function addGatewayMetrics(
  metrics: OwnMetrics,
  { gateway, taps, engine, limits }: GatewayParts,
): void {
  addHttpMetrics(metrics, 'gateway', gateway.stats)
  metrics.add((tell) => {
    for (const stream of STREAMS) {
      for (const transport of TRANSPORTS) {
        tell('meshtap_gateway_clients', gateway.streams.open[stream][transport], { stream, transport })
      }
    }
    for (const reason of ['silent', 'talkative', 'malformed'] as const) {
      tell('meshtap_gateway_cut_websockets_total', gateway.websockets[reason], { reason })
    }
    const live = gateway.live.stats
    tell('meshtap_gateway_live_questions', live.questions)
    tell('meshtap_gateway_live_answers_total', live.answers)
    tell('meshtap_gateway_live_late_total', live.late)
    tell('meshtap_gateway_live_skipped_total', live.skipped)
    tell('meshtap_gateway_limit', limits.liveQuestions, { what: 'questions' })
    tell('meshtap_gateway_limit', limits.liveClients, { what: 'live-clients' })
  })
  metrics.add((tell) => {
    const stats = taps.stats
    tell('meshtap_gateway_taps', stats.taps)
    tell('meshtap_gateway_replays', stats.replays)
    tell('meshtap_gateway_queued_bytes', stats.queuedBytes)
    tell('meshtap_gateway_in_flight_bytes', stats.inFlightBytes)
    tell('meshtap_gateway_sent_events_total', stats.sentEvents)
    tell('meshtap_gateway_sent_bytes_total', stats.sentBytes)
    tell('meshtap_gateway_dropped_events_total', stats.droppedEvents - stats.lostEvents, {
      reason: 'slow-client',
    })
    tell('meshtap_gateway_dropped_events_total', stats.lostEvents, { reason: 'bus' })
    tell('meshtap_gateway_bus_errors_total', stats.busErrors)
    for (const what of ['sessions', 'taps', 'replays'] as const) {
      tell('meshtap_gateway_limit', taps.limits[what], { what })
    }
  })
  metrics.add((tell) => {
    const cache = engine.cache
    tell('meshtap_query_cache_hits_total', cache.hits)
    tell('meshtap_query_cache_misses_total', cache.misses)
    tell('meshtap_query_cache_evictions_total', cache.evictions)
    tell('meshtap_query_cache_bytes', cache.bytes)
    tell('meshtap_query_series', cache.series)
  })
}
