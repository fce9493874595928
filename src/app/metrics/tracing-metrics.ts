import type { OwnMetrics } from '../../telemetry/own-metrics.ts'
import type { RoleTracing } from '../tracing.ts'

export function addTracingMetrics(metrics: OwnMetrics, tracing: Pick<RoleTracing, 'counts'>): void {
  metrics.add((tell) => {
    const { sent, failed, dropped } = tracing.counts
    tell('meshtap_tracing_spans_total', sent, { outcome: 'sent' })
    tell('meshtap_tracing_spans_total', failed, { outcome: 'failed' })
    tell('meshtap_tracing_spans_total', dropped, { outcome: 'dropped' })
  })
}
