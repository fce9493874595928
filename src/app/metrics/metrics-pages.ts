import { MetricsPage } from '../../exporter/metrics-page.ts'
import type { Page } from '../../http/page.ts'
import type { RollupStore } from '../../store/rollup-store.ts'
import type { OwnMetrics } from '../../telemetry/own-metrics.ts'
import type { TroubleLog } from '../../telemetry/trouble-log.ts'

const OUTCOMES = ['complete', 'own', 'broken', 'refused'] as const

/** `/metrics` with the mesh's series, where there are any, and the role's own whatever the store does. */
export function meshPage(
  {
    metrics,
    trouble,
    settings,
  }: {
    readonly metrics: OwnMetrics
    readonly trouble: TroubleLog
    readonly settings: { readonly maxSeries: number }
  },
  store: RollupStore,
): Page {
  const page = new MetricsPage({
    store,
    now: Date.now,
    maxSeries: settings.maxSeries,
    own: () => metrics.samples(),
    onAway: ({ message }) =>
      trouble.report({ kind: 'scrape', message: `the series of the mesh are missing: ${message}` }),
    onScrape: metrics.histogram('meshtap_exporter_scrape_duration_seconds'),
  })
  metrics.add((tell) => {
    tell('meshtap_exporter_series_limit', page.maxSeries)
    for (const outcome of OUTCOMES) {
      tell('meshtap_exporter_scrapes_total', page.outcomes[outcome], { outcome })
    }
  })
  return (request) => page.answer(request)
}
