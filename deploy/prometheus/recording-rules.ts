import { FAMILIES } from '../../src/exporter/families.ts'
import { type Question, rate, responseRate, share, slowShare } from './promql.ts'
import type { RecordingRule, RuleGroup } from './rule.ts'

/** Long enough for scrapes every 30 s. */
const WINDOW = '2m'

/** A request is slow from here on: a bound of the classic buckets, so that it is exact there. */
export const SLOW_MS = 500

/**
 * Series that rules record: what dashboards ask of the whole mesh, and what objectives are held to, named as Prometheus
 * advises: labels, what it is, what was done. All are of the receiving side: outbound series tell of the same requests
 * again.
 */
export const RECORDED = {
  /** Responses a second, by `classification` and `tls` too. */
  responses: `cluster_namespace_workload:responses:rate${WINDOW}`,
  /**
   * Latency by `le`. Native histograms are not recorded: one is one sample a series, and Prometheus 2.42 refuses
   * some sums of them for how they are rounded.
   */
  latencyBuckets: `cluster_namespace:${FAMILIES.latency.name}_bucket:rate${WINDOW}`,
  /** Requests a second that one cluster sends to another, or to itself, as the sender tells. */
  betweenClusters: `cluster_dst_cluster:requests:rate${WINDOW}`,
} as const

const WORKLOAD = ['cluster', 'namespace', 'workload'] as const

/** Which part of a workload's requests failed in a window. */
export function failureRatio(window: string): string {
  return `cluster_namespace_workload:failures:ratio_rate${window}`
}

/** Which part of a workload's requests took longer than `SLOW_MS`. */
export function slowRatio(window: string): string {
  return `cluster_namespace_workload:slow:ratio_rate${window}`
}

/** The windows that objectives are held to. */
export const FAILURE_WINDOWS = ['5m', '30m', '1h', '6h'] as const
export const SLOW_WINDOWS = ['5m', '1h'] as const

function received(by: readonly string[], window: string = WINDOW): Question {
  return { matchers: 'direction="inbound"', by, window }
}

const rates: readonly RecordingRule[] = [
  { record: RECORDED.responses, expr: responseRate(received([...WORKLOAD, 'classification', 'tls'])) },
  {
    record: RECORDED.latencyBuckets,
    expr: rate(`${FAMILIES.latency.name}_bucket`, received(['cluster', 'namespace', 'le'])),
  },
  {
    record: RECORDED.betweenClusters,
    expr: rate(FAMILIES.requests.name, {
      matchers: 'direction="outbound", dst_cluster!=""',
      by: ['cluster', 'dst_cluster'],
      window: WINDOW,
    }),
  },
]

const objectives: readonly RecordingRule[] = [
  ...FAILURE_WINDOWS.map((window) => ({
    record: failureRatio(window),
    expr: share(FAMILIES.responses.name, received(WORKLOAD, window), 'classification="failure"'),
  })),
  ...SLOW_WINDOWS.map((window) => ({
    record: slowRatio(window),
    expr: slowShare(SLOW_MS, received(WORKLOAD, window)),
  })),
]

export const RECORDING_GROUPS: readonly RuleGroup[] = [
  { name: 'meshtap-rates', rules: rates },
  { name: 'meshtap-objectives', rules: objectives },
]
