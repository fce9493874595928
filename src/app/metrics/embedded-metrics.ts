import type { EmbeddedEventLog } from '../../log/embedded/embedded-event-log.ts'
import type { EmbeddedRollupStore } from '../../store/embedded/embedded-rollup-store.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'

export interface EmbeddedParts {
  readonly log: Pick<EmbeddedEventLog, 'stats'>
  readonly logMaxBytes: number
  readonly store: Pick<EmbeddedRollupStore, 'stats' | 'maxBytes'>
}

/** Tells of the log and the store that are files of this machine. */
export function addEmbeddedMetrics(metrics: OwnMetrics, { log, logMaxBytes, store }: EmbeddedParts): void {
  metrics.add((tell) => {
    const stats = log.stats
    tell('meshtap_log_connected', 1)
    tell('meshtap_log_appended_records_total', stats.appendedRecords)
    tell('meshtap_log_appended_bytes_total', stats.appendedBytes)
    tell('meshtap_log_queued_bytes', stats.queuedBytes)
    tell('meshtap_log_subscriptions', stats.subscriptions)
    tell('meshtap_log_transactions_total', stats.transactions)
    tell('meshtap_log_failed_transactions_total', stats.failedTransactions)
    tell('meshtap_log_deleted_records_total', stats.deletedRecords)
    tell('meshtap_log_retries_total', stats.retries)
    tell('meshtap_log_used_bytes', stats.usedBytes)
    tell('meshtap_log_limit_bytes', logMaxBytes)
  })
  metrics.add((tell) => {
    const stats = store.stats
    tell('meshtap_store_connected', 1)
    tell('meshtap_store_written_blobs_total', stats.writtenBlobs)
    tell('meshtap_store_written_bytes_total', stats.writtenBytes)
    tell('meshtap_store_swept_blobs_total', stats.sweptBlobs)
    tell('meshtap_store_used_bytes', stats.usedBytes)
    tell('meshtap_store_limit_bytes', store.maxBytes)
  })
}
