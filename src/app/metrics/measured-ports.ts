import type { EventLog } from '../../log/event-log.ts'
import type { RollupStore } from '../../store/rollup-store.ts'
import { MeasuredEventLog } from '../../telemetry/measured-event-log.ts'
import { MeasuredRollupStore } from '../../telemetry/measured-rollup-store.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'

/** The log, with its appends among the metrics. */
export function measuredLog(metrics: OwnMetrics, log: EventLog): EventLog {
  const measured = new MeasuredEventLog(log, {
    onAppend: metrics.histogram('meshtap_log_append_duration_seconds'),
  })
  metrics.add((tell) => {
    for (const [code, count] of Object.entries(measured.appendErrors)) {
      tell('meshtap_log_append_errors_total', count, { code })
    }
  })
  return measured
}

/** The store, with its calls among the metrics. */
export function measuredStore(metrics: OwnMetrics, store: RollupStore): RollupStore {
  const observe = metrics.histogram('meshtap_store_request_duration_seconds')
  const measured = new MeasuredRollupStore(store, {
    onCall: (operation, seconds) => observe(seconds, { operation }),
  })
  metrics.add((tell) => {
    for (const { operation, code, count } of measured.errors) {
      tell('meshtap_store_errors_total', count, { operation, code })
    }
  })
  return measured
}
