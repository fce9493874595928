import type { StatAnswer, TimeseriesAnswer } from '../src/query/answer.ts'
import { type Cells, failuresOf, requestsOf } from './cell.ts'
import type { Series, Workload } from './mesh.ts'
import { summed, TIERS, type Truth, type TruthTier } from './truth.ts'
import type { Verdict } from './verdict.ts'

/** What rows are by, and which series count in them (docs: a resource counts what its own proxies report inbound). */
interface RowRule {
  readonly kind: string
  readonly nameOf: (series: Series) => readonly [namespace: string, name: string] | undefined
  /** Undefined: only inbound reports count. Else: of a unit that is reported inbound, only these; of others all. */
  readonly unitOf?: (series: Series) => string
}

const destinationOf = ({ direction, workload, peer }: Series): Workload =>
  direction === 'inbound' ? workload : peer

const ofDestination =
  (name: (series: Series) => string): RowRule['nameOf'] =>
  (series) => {
    const named = name(series)
    return named === '' ? undefined : [destinationOf(series).namespace, named]
  }

const workloads = (kind: string): RowRule => ({
  kind,
  nameOf: ({ workload }) => (workload.kind === kind ? [workload.namespace, workload.name] : undefined),
})

const RULES: readonly RowRule[] = [
  { kind: 'cluster', nameOf: ({ workload }) => ['', workload.cluster] },
  { kind: 'namespace', nameOf: ({ workload }) => [workload.namespace, workload.namespace] },
  workloads('deployment'),
  workloads('statefulset'),
  { kind: 'pod', nameOf: ({ workload, pod }) => (pod === '' ? undefined : [workload.namespace, pod]) },
  byUnit('service', ({ service }) => service),
  byUnit('authority', ({ authority }) => authority),
  {
    kind: 'route',
    nameOf: ofDestination(({ route }) => route),
    unitOf: (series) => {
      const { cluster, namespace, kind, name } = destinationOf(series)
      return series.service === ''
        ? [cluster, namespace, kind, name].join(' ')
        : [cluster, namespace, series.service].join(' ')
    },
  },
]

function byUnit(kind: string, name: (series: Series) => string): RowRule {
  return {
    kind,
    nameOf: ofDestination(name),
    unitOf: (series) => {
      const { cluster, namespace } = destinationOf(series)
      return [cluster, namespace, name(series)].join(' ')
    },
  }
}

interface Counts {
  requests: number
  failures: number
}

/** Asks the gateway as people do, for several kinds and windows, and compares each row and each point. */
export async function compareGateway(url: string, truth: Truth, verdict: Verdict): Promise<void> {
  for (const [window, tier] of [
    ['5m', TIERS[0]],
    ['6h', TIERS[1]],
    ['7d', TIERS[2]],
  ] as const) {
    for (const rule of RULES) {
      if (rule.kind === 'pod' && !tier.hasPods) continue
      await compareStat(url, rule, window, tier, truth, verdict)
    }
    await compareTimeseries(url, window, tier, truth, verdict)
  }
}

async function compareStat(
  url: string,
  rule: RowRule,
  window: string,
  tier: TruthTier,
  truth: Truth,
  verdict: Verdict,
): Promise<void> {
  const answer = (await ask(url, 'stat', { resource: rule.kind, window })) as StatAnswer
  const where = `stat ${rule.kind} of ${window}`
  verdict.equal(`${where}, partial`, JSON.stringify(answer.partial), '[]')
  const buckets = inWindow(truth, tier, answer.window)
  const wanted = rowsOf(summed(buckets.values()), rule, truth)
  const got = new Map(
    answer.rows.map(({ cluster, namespace, name, requests, failures }) => [
      `${cluster}/${namespace}/${name}`,
      { requests, failures },
    ]),
  )
  compareRows(got, wanted, where, verdict)
}

async function compareTimeseries(
  url: string,
  window: string,
  tier: TruthTier,
  truth: Truth,
  verdict: Verdict,
): Promise<void> {
  const step = `${Math.max(1, Math.ceil(spanMs(window) / 1000 / tier.bucketMs)) * (tier.bucketMs / 1000)}s`
  const answer = (await ask(url, 'timeseries', { resource: 'deployment', window, step })) as TimeseriesAnswer
  const stepMs = answer.stepSeconds * 1000
  const wanted = new Map<string, Counts>()
  for (const [startMs, cells] of inWindow(truth, tier, answer.window)) {
    const time = new Date(Math.floor(startMs / stepMs) * stepMs).toISOString()
    for (const [name, { requests }] of rowsOf(cells, workloads('deployment'), truth)) {
      const point = `${name} at ${time}`
      wanted.set(point, { requests: (wanted.get(point)?.requests ?? 0) + requests, failures: 0 })
    }
  }
  const got = new Map(
    answer.series.flatMap(({ cluster, namespace, name, points }) =>
      points.map(({ time, requests }) => [
        `${cluster}/${namespace}/${name} at ${time}`,
        { requests, failures: 0 },
      ]),
    ),
  )
  compareRows(got, wanted, `timeseries of ${window}`, verdict)
}

function inWindow(
  truth: Truth,
  tier: TruthTier,
  window: { readonly from: string; readonly to: string },
): Map<number, Cells> {
  const fromMs = Date.parse(window.from)
  const toMs = Date.parse(window.to)
  const all = truth.buckets(tier, 0)
  return new Map([...all].filter(([startMs]) => startMs >= fromMs && startMs <= toMs))
}

function rowsOf(cells: Cells, rule: RowRule, truth: Truth): Map<string, Counts> {
  const { nameOf, unitOf } = rule
  const inboundUnits = new Set<string>()
  const all = [...cells].map(([name, cell]) => ({ series: truth.series(name), cell }))
  for (const { series } of all) {
    if (unitOf !== undefined && series.direction === 'inbound') inboundUnits.add(unitOf(series))
  }
  const rows = new Map<string, Counts>()
  for (const { series, cell } of all) {
    const isCounted =
      series.direction === 'inbound' || (unitOf !== undefined && !inboundUnits.has(unitOf(series)))
    const row = nameOf(series)
    if (!isCounted || row === undefined) continue
    const { cluster } = unitOf === undefined ? series.workload : destinationOf(series)
    const id = `${cluster}/${row[0]}/${row[1]}`
    const counts = rows.get(id) ?? { requests: 0, failures: 0 }
    counts.requests += requestsOf(cell)
    counts.failures += failuresOf(cell)
    rows.set(id, counts)
  }
  return rows
}

/** A row that is missing counts nothing: who only sends has a row too. */
function compareRows(
  got: ReadonlyMap<string, Counts>,
  wanted: ReadonlyMap<string, Counts>,
  where: string,
  verdict: Verdict,
): void {
  for (const name of new Set([...got.keys(), ...wanted.keys()])) {
    const { requests = 0, failures = 0 } = got.get(name) ?? {}
    const truth = wanted.get(name) ?? { requests: 0, failures: 0 }
    verdict.equal(`${where}, ${name}, requests`, requests, truth.requests)
    verdict.equal(`${where}, ${name}, failures`, failures, truth.failures)
  }
}

function spanMs(window: string): number {
  const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }
  return Number(window.slice(0, -1)) * units[window.slice(-1)]!
}

async function ask(
  url: string,
  what: string,
  parameters: Readonly<Record<string, string>>,
): Promise<unknown> {
  const full = `${url}/api/v1/${what}?${new URLSearchParams(parameters).toString()}`
  const response = await fetch(full)
  if (!response.ok) throw new Error(`${full}: ${response.status} ${await response.text()}`)
  return response.json()
}
