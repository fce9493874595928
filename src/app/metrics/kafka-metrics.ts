import type { KafkaLogStats } from '../../log/kafka/kafka-event-log.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'
import type { Reachability } from '../reachability.ts'

/** Tells of the log in Kafka; `stats` are undefined until it is open. */
export function addKafkaMetrics(metrics: OwnMetrics, stats: () => KafkaLogStats | undefined): void {
  metrics.add((tell) => {
    const now = stats()
    if (now === undefined) return
    tell('meshtap_log_appended_records_total', now.appendedRecords)
    tell('meshtap_log_appended_bytes_total', now.appendedBytes)
    tell('meshtap_log_queued_bytes', now.queuedBytes)
    tell('meshtap_log_subscriptions', now.subscriptions)
    tell('meshtap_kafka_produce_requests_total', now.requests)
    tell('meshtap_kafka_failed_produce_requests_total', now.failedRequests)
    tell('meshtap_kafka_producer_renewals_total', now.renewals)
  })
}

/** Tells whether Kafka answers. */
export function addKafkaReachability(metrics: OwnMetrics, kafka: Pick<Reachability, 'reason'>): void {
  metrics.add((tell) => tell('meshtap_log_connected', kafka.reason === undefined ? 1 : 0))
}
