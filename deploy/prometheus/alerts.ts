import { FAMILIES } from '../../src/exporter/families.ts'
import { own, ownSum } from './own.ts'
import { sum } from './promql.ts'
import { failureRatio, SLOW_MS, slowRatio } from './recording-rules.ts'
import type { AlertingRule, RuleGroup } from './rule.ts'

/** Which part of requests may fail over a month. */
const FAILURE_BUDGET = 0.001
/** Which part of requests may take longer than `SLOW_MS`. */
const SLOW_BUDGET = 0.05
/** With fewer requests than that in an hour, one failure says little. */
const FEWEST_REQUESTS = 100
/** Records that are not folded yet. */
const LAG = 100_000

const inbound = 'direction="inbound"'
const workload = ['cluster', 'namespace', 'workload'] as const
const where = '{{ $labels.workload }} in {{ $labels.namespace }} of cluster {{ $labels.cluster }}'

/** Restricts an alert on a workload to those with enough requests. */
function ofMany(expr: string): string {
  const requests = sum(workload, `increase(${FAMILIES.requests.name}{${inbound}}[1h])`)
  return `${expr} and on (${workload.join(', ')}) ${requests} >= ${FEWEST_REQUESTS}`
}

/** An alert when a budget is used up so many times as fast as it may be, in a long window and in a short one too. */
function burn(alert: string, { factor, long, short, hold, severity, spent }: Burn): AlertingRule {
  const bound = Number((factor * FAILURE_BUDGET).toPrecision(6))
  return {
    alert,
    expr: ofMany(
      `${failureRatio(long)} > ${bound} and on (${workload.join(', ')}) ${failureRatio(short)} > ${bound}`,
    ),
    for: hold,
    labels: { severity },
    annotations: {
      summary: `${where} fails too often`,
      description:
        `{{ $value | humanizePercentage }} of its requests failed in the last ${long}: ${factor} times as many as its ` +
        `objective of ${100 * (1 - FAILURE_BUDGET)} % allows, so that ${spent}.`,
    },
  }
}

interface Burn {
  readonly factor: number
  readonly long: '1h' | '6h'
  readonly short: '5m' | '30m'
  readonly hold: string
  readonly severity: 'page' | 'ticket'
  readonly spent: string
}

const objectives: readonly AlertingRule[] = [
  burn('MeshSuccessBurnsFast', {
    factor: 14.4,
    long: '1h',
    short: '5m',
    hold: '2m',
    severity: 'page',
    spent: "an hour takes 2 % of a month's budget",
  }),
  burn('MeshSuccessBurns', {
    factor: 6,
    long: '6h',
    short: '30m',
    hold: '15m',
    severity: 'ticket',
    spent: "six hours take 5 % of a month's budget",
  }),
  {
    alert: 'MeshLatency',
    expr: ofMany(
      `${slowRatio('1h')} > ${SLOW_BUDGET} and on (${workload.join(', ')}) ${slowRatio('5m')} > ${SLOW_BUDGET}`,
    ),
    for: '5m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: `${where} is slow`,
      description: `{{ $value | humanizePercentage }} of its requests took longer than ${SLOW_MS} ms in the last hour; ${100 * SLOW_BUDGET} % may.`,
    },
  },
  {
    alert: 'MeshClusterSilent',
    expr:
      `${sum(['cluster'], `increase(${FAMILIES.requests.name}[1h])`)} > 0 ` +
      `unless on (cluster) ${sum(['cluster'], `rate(${FAMILIES.requests.name}[5m])`)} > 0`,
    for: '5m',
    labels: { severity: 'page' },
    annotations: {
      summary: 'Cluster {{ $labels.cluster }} reports no requests',
      description:
        'It did within the last hour, and none for five minutes: its traffic stopped, or its events do not arrive. The ' +
        'alert ends by itself when its series do, after an hour.',
    },
  },
]

const health: readonly AlertingRule[] = [
  {
    alert: 'MeshtapDown',
    expr: 'up{job=~"meshtap.*"} == 0',
    for: '2m',
    labels: { severity: 'page' },
    annotations: {
      summary: '{{ $labels.instance }} of {{ $labels.job }} does not answer',
      description: 'Scrapes of its /metrics fail.',
    },
  },
  {
    alert: 'MeshtapMeshMissing',
    expr: `max by (instance) (${own('meshtap_exporter_mesh_up')}) == 0`,
    for: '5m',
    labels: { severity: 'page' },
    annotations: {
      summary: '/metrics of {{ $labels.instance }} has no series of the mesh',
      description: 'The store does not answer or is being built anew; the log of the process says which.',
    },
  },
  {
    alert: 'MeshtapConsumerLag',
    // Rising too: after an outage it is caught up, which is as it should be.
    expr:
      `${ownSum('meshtap_aggregator_lag_records', ['partition'])} > ${LAG} ` +
      `and on (partition) sum by (partition) (deriv(${own('meshtap_aggregator_lag_records')}[10m])) >= 0`,
    for: '10m',
    labels: { severity: 'page' },
    annotations: {
      summary: 'Partition {{ $labels.partition }} falls behind',
      description:
        '{{ $value | humanize }} records are not folded, and they do not get fewer. Answers are that much behind.',
    },
  },
  {
    alert: 'MeshtapDeadLetters',
    expr: `sum by (reason) (increase(${own('meshtap_aggregator_dead_letters_total')}[15m])) > 0`,
    for: '0m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: 'Records cannot be decoded: {{ $labels.reason }}',
      description:
        '{{ $value | humanize }} records of the last 15 minutes are on the topic of dead letters, with the reason in their headers. They count nowhere.',
    },
  },
  {
    alert: 'MeshtapCommitsRefused',
    // One or two come with a worker that leaves; that they go on is two workers, or a store that loses what it had.
    expr: `sum by (instance, reason) (increase(${own('meshtap_aggregator_refused_commits_total')}[15m])) > 3`,
    for: '5m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: 'The store refuses commits of {{ $labels.instance }}: {{ $labels.reason }}',
      description:
        'stale-epoch: another worker claims the same partitions. store-moved: the store is not where the worker left it, as after a failover that lost writes. What is refused is folded again; nothing counts twice.',
    },
  },
  {
    alert: 'MeshtapSeriesLimited',
    expr: `max by (instance) (${own('meshtap_exporter_series_limited')}) > 0`,
    for: '5m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: '/metrics of {{ $labels.instance }} lacks series',
      description:
        '{{ $value | humanize }} label sets are left out, as there are more than a scrape may have. Divide it by shard, cluster or namespace.',
    },
  },
]

export const ALERT_GROUPS: readonly RuleGroup[] = [
  { name: 'meshtap-mesh', rules: objectives },
  { name: 'meshtap-health', rules: health },
]
