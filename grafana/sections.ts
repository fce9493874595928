import type * as cog from '@grafana/grafana-foundation-sdk/cog'
import type { DashboardLink } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  and,
  classicHeatmap,
  latencyQuantile,
  type Level,
  nativeHeatmap,
  type Question,
  rate,
  requestRate,
  responseRate,
  successRate,
  sum,
  tlsShare,
} from '../deploy/prometheus/promql.ts'
import { FAMILIES } from '../src/exporter/families.ts'
import { type AnyPanel, figure, graph, heatmap, SUCCESS_STEPS, type Width } from './panels.ts'
import { type Golden, goldenColumns, listing } from './tables.ts'
import { UNITS } from './units.ts'

/** Of rates: at least four scrapes, and no gap where a line has fewer points than scrapes. */
export const WINDOW = '$__rate_interval'

/** Requests that panels are about. */
export interface Traffic {
  readonly matchers: string
  readonly level?: Level
  readonly links?: readonly cog.Builder<DashboardLink>[]
}

function question({ matchers }: Traffic, by: readonly string[] = []): Question {
  return { matchers, by, window: WINDOW }
}

function legendOf(by: readonly string[]): string {
  return by.map((label) => `{{${label}}}`).join(' ')
}

/** Success, rate and latency as numbers of now. */
export function goldenFigures(traffic: Traffic, width: Width = 4): AnyPanel[] {
  const { level = 'workload' } = traffic
  const of = question(traffic)
  return [
    figure({
      title: 'Success rate',
      unit: UNITS.share,
      width,
      expr: successRate(of, level),
      steps: SUCCESS_STEPS,
    }),
    figure({ title: 'Requests', unit: UNITS.requests, width, expr: requestRate(of, level) }),
    ...[0.5, 0.95, 0.99].map((quantile) =>
      figure({
        title: `Latency p${quantile * 100}`,
        unit: UNITS.latency,
        width,
        expr: latencyQuantile(quantile, of, level),
      }),
    ),
    ...(level === 'route'
      ? []
      : [figure({ title: 'Over TLS', unit: UNITS.share, width, expr: tlsShare(of) })]),
  ]
}

/** Success, rate and 95 % latency over time, a line for each set of labels. */
export function goldenGraphs(
  title: string,
  by: readonly string[],
  traffic: Traffic,
  legend = legendOf(by),
): AnyPanel[] {
  const { level = 'workload', links = [] } = traffic
  const of = question(traffic, by)
  return [
    graph({
      title: `Success rate ${title}`,
      unit: UNITS.share,
      max: 1,
      links,
      lines: [{ expr: successRate(of, level), legend }],
    }),
    graph({
      title: `Requests ${title}`,
      unit: UNITS.requests,
      links,
      lines: [{ expr: requestRate(of, level), legend }],
    }),
    graph({
      title: `Latency p95 ${title}`,
      unit: UNITS.latency,
      links,
      hasExemplars: true,
      lines: [{ expr: latencyQuantile(0.95, of, level), legend }],
    }),
  ]
}

/** Latency of all of the traffic by quantile, how requests ended, and how many took how long. */
export function latencyAndEndings(traffic: Traffic): AnyPanel[] {
  const { level = 'workload' } = traffic
  const of = question(traffic)
  return [
    graph({
      title: 'Latency',
      description: 'To the end of the response.',
      unit: UNITS.latency,
      width: 12,
      hasExemplars: true,
      lines: [0.5, 0.95, 0.99].map((quantile) => ({
        expr: latencyQuantile(quantile, of, level),
        legend: `p${quantile * 100}`,
      })),
    }),
    graph({
      title: 'Endings',
      description:
        'Requests by status; without one no response came. Statuses of gRPC come after those of HTTP.',
      unit: UNITS.requests,
      width: 12,
      isStacked: true,
      lines: [
        {
          expr: responseRate(question(traffic, ['classification', 'status_code', 'grpc_status']), level),
          legend: '{{classification}} {{status_code}} {{grpc_status}}',
        },
      ],
    }),
    heatmap({
      title: 'Latencies, by classic buckets',
      expr: classicHeatmap(of, level),
      isNative: false,
    }),
    heatmap({
      title: 'Latencies, by native histograms',
      description: 'Empty unless Prometheus scrapes native histograms.',
      expr: nativeHeatmap(of, level),
      isNative: true,
    }),
  ]
}

/** A table of how each does. */
export function goldenListing(
  about: Omit<Parameters<typeof listing>[0], 'columns'>,
  traffic: Traffic,
): AnyPanel {
  const { level = 'workload' } = traffic
  const of = question(traffic, about.labels)
  const golden: Golden = {
    requests: requestRate(of, level),
    success: successRate(of, level),
    latency: (quantile) => latencyQuantile(quantile, of, level),
  }
  const columns = goldenColumns(level === 'route' ? golden : { ...golden, tls: tlsShare(of) })
  return listing({ ...about, columns })
}

/** Connections and bytes. `matchers` say nothing of the direction: lines are of both. */
export function connections(matchers: string): AnyPanel[] {
  const of = (direction: 'inbound' | 'outbound'): Question => ({
    matchers: and(matchers, `direction="${direction}"`),
    by: [],
    window: WINDOW,
  })
  const { openConnections, opened, closed, readBytes, writtenBytes } = FAMILIES
  return [
    graph({
      title: 'Open connections',
      unit: UNITS.count,
      lines: (['inbound', 'outbound'] as const).map((direction) => ({
        expr: sum([], `${openConnections.name}{${of(direction).matchers}}`),
        legend: direction,
      })),
    }),
    graph({
      title: 'Connections opened and closed',
      unit: UNITS.changes,
      lines: (['inbound', 'outbound'] as const).flatMap((direction) => [
        { expr: rate(opened.name, of(direction)), legend: `opened ${direction}` },
        { expr: rate(closed.name, of(direction)), legend: `closed ${direction}` },
      ]),
    }),
    graph({
      title: 'Bytes',
      unit: UNITS.byteRate,
      lines: (['inbound', 'outbound'] as const).flatMap((direction) => [
        { expr: rate(readBytes.name, of(direction)), legend: `read ${direction}` },
        { expr: rate(writtenBytes.name, of(direction)), legend: `written ${direction}` },
      ]),
    }),
  ]
}
