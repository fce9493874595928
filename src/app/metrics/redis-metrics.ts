import type { RedisStoreStats } from '../../store/redis/redis-rollup-store.ts'
import type { RedisTapBusStats } from '../../tap/redis/redis-tap-bus.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'

/** Tells of the store in Redis; `stats` are undefined until it is open. */
export function addRedisStoreMetrics(metrics: OwnMetrics, stats: () => RedisStoreStats | undefined): void {
  metrics.add((tell) => {
    const now = stats()
    if (now === undefined) return
    tell('meshtap_store_connected', now.isConnected ? 1 : 0)
    tell('meshtap_store_written_blobs_total', now.writtenBlobs)
    tell('meshtap_store_written_bytes_total', now.writtenBytes)
    tell('meshtap_store_pending_requests', now.pending)
    tell('meshtap_store_read_retries_total', now.readRetries)
    tell('meshtap_store_reconnects_total', now.reconnects)
  })
}

/** Tells of the tap bus in Redis; `stats` are undefined until it is open. */
export function addRedisTapBusMetrics(metrics: OwnMetrics, stats: () => RedisTapBusStats | undefined): void {
  metrics.add((tell) => {
    const now = stats()
    if (now === undefined) return
    tell('meshtap_tap_bus_connected', now.isReady ? 1 : 0)
    tell('meshtap_tap_bus_subscribed', now.isWhole ? 1 : 0)
    tell('meshtap_tap_bus_queued_bytes', now.queuedBytes)
    tell('meshtap_tap_bus_published_frames_total', now.published)
    tell('meshtap_tap_bus_unpublished_frames_total', now.unpublished)
    tell('meshtap_tap_bus_received_frames_total', now.received)
    tell('meshtap_tap_bus_lost_events_total', now.lost)
    tell('meshtap_tap_bus_ignored_taps_total', now.ignoredTaps)
  })
}
