import { and, quantileOf, rate, shareOf, sum } from '../deploy/prometheus/promql.ts'
import { RECORDED } from '../deploy/prometheus/recording-rules.ts'
import { FAMILIES } from '../src/exporter/families.ts'
import { WINDOW } from './sections.ts'
import type { Golden } from './tables.ts'

/** Of what the whole mesh receives, from series that rules record, but for native histograms; latency by cluster and namespace at most. */
export function recordedGolden(matchers: string, by: readonly string[]): Required<Golden> {
  const all = sum(by, `${RECORDED.responses}{${matchers}}`)
  const part = (more: string) => sum(by, `${RECORDED.responses}{${and(matchers, more)}}`)
  return {
    requests: all,
    success: shareOf(part('classification="success"'), all),
    tls: shareOf(part('tls="true"'), all),
    latency: (quantile) => {
      const native = rate(FAMILIES.latency.name, {
        matchers: and('direction="inbound"', matchers),
        by,
        window: WINDOW,
      })
      const classic = sum(['le', ...by], `${RECORDED.latencyBuckets}{${matchers}}`)
      return `${quantileOf(quantile, native)} or ${quantileOf(quantile, classic)}`
    },
  }
}

/** How many sets of labels received a request lately. */
export function recordedCount(matchers: string, by: readonly string[]): string {
  return `count(${recordedGolden(matchers, by).requests} > 0)`
}
