import { FAMILIES } from '../../src/exporter/families.ts'

/**
 * Queries on the mesh's series, as dashboards and rules have them in common. Matchers are what is between the braces of
 * a selector: `direction="inbound", namespace="shop"`.
 *
 * None divides by zero: where nothing comes, a rate is 0, and a share or a latency has no sample instead of a NaN.
 */
export interface Question {
  readonly matchers: string
  /** The labels of the result; none is one result of all. */
  readonly by: readonly string[]
  /** The range of rates: `$__rate_interval`, `5m`. */
  readonly window: string
}

/** Whether a question is about routes; they have families of their own. */
export type Level = 'workload' | 'route'

const REQUESTS = { workload: FAMILIES.requests, route: FAMILIES.routeRequests } as const
const RESPONSES = { workload: FAMILIES.responses, route: FAMILIES.routeResponses } as const
const LATENCY = { workload: FAMILIES.latency, route: FAMILIES.routeLatency } as const

/** `matchers` and one more. */
export function and(matchers: string, more: string): string {
  return [matchers, more].filter((text) => text !== '').join(', ')
}

/** `sum` by labels, or of all. */
export function sum(by: readonly string[], of: string): string {
  return by.length === 0 ? `sum(${of})` : `sum by (${by.join(', ')}) (${of})`
}

/** Of a counter, added up. */
export function rate(name: string, { matchers, by, window }: Question): string {
  return sum(by, `rate(${name}{${matchers}}[${window}])`)
}

/**
 * Which part of what a counter counts has `chosen` too. 0 where the counter has none of it, which is no series at all.
 */
export function share(name: string, question: Question, chosen: string): string {
  return shareOf(rate(name, { ...question, matchers: and(question.matchers, chosen) }), rate(name, question))
}

/** A part of a whole, 0 where there is nothing of it, and nothing where the whole is 0. */
export function shareOf(part: string, whole: string): string {
  return `(${part} or 0 * ${whole}) / (${whole} > 0)`
}

/** Requests a second. */
export function requestRate(question: Question, level: Level = 'workload'): string {
  return rate(REQUESTS[level].name, question)
}

/** Requests that ended, a second, by what is known of how they ended. */
export function responseRate(question: Question, level: Level = 'workload'): string {
  return rate(RESPONSES[level].name, question)
}

/** Which part of the requests did not fail, 0 to 1. */
export function successRate(question: Question, level: Level = 'workload'): string {
  return share(RESPONSES[level].name, question, 'classification="success"')
}

/** Which part of the requests came over TLS, 0 to 1. */
export function tlsShare(question: Question): string {
  return share(REQUESTS.workload.name, question, 'tls="true"')
}

/**
 * A quantile of the latency in milliseconds, of native histograms where they are scraped and of classic buckets
 * otherwise.
 */
export function latencyQuantile(quantile: number, question: Question, level: Level = 'workload'): string {
  const { name } = LATENCY[level]
  const classic = rate(`${name}_bucket`, { ...question, by: ['le', ...question.by] })
  return `${quantileOf(quantile, rate(name, question))} or ${quantileOf(quantile, classic)}`
}

/** Of a histogram; no sample where it holds nothing, for a NaN is not 0 or more. */
export function quantileOf(quantile: number, histogram: string): string {
  return `histogram_quantile(${quantile}, ${histogram}) >= 0`
}

/** For a heatmap: how many requests fell into each classic bucket. */
export function classicHeatmap({ matchers, window }: Question, level: Level = 'workload'): string {
  return sum(['le'], `increase(${LATENCY[level].name}_bucket{${matchers}}[${window}])`)
}

/** For a heatmap: native histograms, added up. */
export function nativeHeatmap({ matchers, window }: Question, level: Level = 'workload'): string {
  return sum([], `increase(${LATENCY[level].name}{${matchers}}[${window}])`)
}

/**
 * Which part of the requests took longer than a bound of classic buckets, 0 to 1; native histograms are interpolated
 * there.
 */
export function slowShare(boundMs: number, question: Question): string {
  const { name } = LATENCY.workload
  // 500 in Prometheus' text, 500.0 in OpenMetrics and protobuf.
  const bucket = and(question.matchers, `le=~"${boundMs}(\\\\.0)?"`)
  const within = rate(`${name}_bucket`, { ...question, matchers: bucket })
  const all = rate(`${name}_count`, question)
  const native = `1 - histogram_fraction(0, ${boundMs}, ${rate(name, question)}) >= 0`
  return `${native} or 1 - ${within} / (${all} > 0)`
}
