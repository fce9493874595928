import { QUANTILE_ERROR } from '../rollup/histogram.ts'
import type { AnswerBase, StatAnswer, StatRow } from './answer.ts'
import { tallyConnections } from './connections.ts'
import { emptyReason } from './empty-reason.ts'
import { type GroupKind, reporterFacet, type ResourceLabel, WORKLOAD_KINDS } from './facet.ts'
import { hasPods, reportingPods } from './reporting-pods.ts'
import { overflowFaults } from './overflow.ts'
import { type PodIndex, podsOf, resourcesOfKind } from './pod-counts.ts'
import type { StatRequest } from './requests.ts'
import { questionScopes, resourceQuestion } from './resource-question.ts'
import { answerBase, type RollupReader, type StatReads } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import { memo, type Rows } from './select.ts'
import { seriesRows } from './series-rows.ts'
import { requestFigures } from './tally.ts'
import { matchesResource, type Target } from './target.ts'

const byKindAndName = byTexts<StatRow>(
  (row) => row.kind,
  (row) => row.cluster,
  (row) => row.namespace,
  (row) => row.name,
)

/**
 * Success rate, request rate, latency and connections of resources. Those that have `pods` are there though nothing was
 * heard of them.
 */
export async function stat(reader: RollupReader, request: StatRequest, pods?: PodIndex): Promise<StatAnswer> {
  const { target, peer } = request
  const read = await reader.readStat({ span: request.window, scopes: questionScopes(target, peer) })
  const rows: StatRow[] = []
  for (const kind of kindsOf(target, read)) rows.push(...(await rowsOf(reader, read, kind, request, pods)))
  return {
    ...statBase(read, request),
    rows: rows.sort(byKindAndName),
    latencyError: QUANTILE_ERROR,
    ...(rows.length > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

/** What an answer about resources says of its window and of what it lacks. */
export function statBase(read: StatReads, { target, peer }: StatRequest): AnswerBase {
  const base = answerBase(read)
  const isWhole = peer === undefined && (target.kind === 'namespace' || target.kind === 'cluster')
  return isWhole ? base : { ...base, partial: [...base.partial, ...overflowFaults(read)] }
}

/** `all` is every kind whose rows are of one resource each; clusters, namespaces and routes are sums over others. */
export function kindsOf({ kind }: Target, { window }: StatReads): readonly GroupKind[] {
  if (kind !== 'all') return [kind]
  return window.tier.pods ? ['workload', 'pod', 'service', 'authority'] : ['workload', 'service', 'authority']
}

async function rowsOf(
  reader: RollupReader,
  read: StatReads,
  kind: GroupKind,
  request: StatRequest,
  pods: PodIndex | undefined,
): Promise<StatRow[]> {
  const { target, peer } = request
  const question = resourceQuestion(kind, target, peer)
  const { rows, requests, connections, present } = seriesRows(read, () => question)
  // A resource that reports but receives nothing is there all the same.
  const showsIdle = peer === undefined && hasPods(kind)
  if (showsIdle) for (const series of present) addReporters(rows, read, kind, target, series)
  const { labels } = rows
  const sums = reader.tally(JSON.stringify(['stat', kind, request]), read, requests, labels)
  const { isReported, readBytes, writtenBytes, open } = await tallyConnections(
    reader,
    read,
    connections,
    labels.length,
  )
  const meshed = hasPods(kind) ? reportingPods(read, kind, rows) : undefined
  const { seconds } = read.window
  const found: StatRow[] = []
  for (let slot = 0; slot < labels.length; slot++) {
    const isConnected = isReported[slot] === 1
    const hasOpen = !Number.isNaN(open[slot]!)
    if (!showsIdle && sums.requests[slot] === 0 && !isConnected && !hasOpen) continue
    const label = labels[slot]!
    const { cluster, namespace, name } = label
    found.push({
      cluster,
      namespace,
      kind: label.kind,
      name,
      ...requestFigures(sums, slot, seconds),
      tcpOpen: hasOpen ? open[slot]! : null,
      readBytesPerSecond: isConnected ? readBytes[slot]! / seconds : null,
      writeBytesPerSecond: isConnected ? writtenBytes[slot]! / seconds : null,
      meshed: meshed === undefined ? null : meshed[slot]!,
      pods: pods === undefined || !hasPods(kind) ? null : podsOf(pods, label),
    })
  }
  if (showsIdle && pods !== undefined) found.push(...unheardOf(pods, kind, target, rows))
  return found
}

/** Rows of resources that have pods, but were not heard of. */
function unheardOf(pods: PodIndex, kind: GroupKind, target: Target, rows: Rows<ResourceLabel>): StatRow[] {
  const found: StatRow[] = []
  for (const { label, pods: own } of resourcesOfKind(pods, kind).values()) {
    const isOfKind =
      kind === 'workload' ? WORKLOAD_KINDS.some((known) => known === label.kind) : kind === label.kind
    if (!isOfKind || !matchesResource(target, label) || rows.find(label.id) >= 0) continue
    const { cluster, namespace, name } = label
    found.push({ cluster, namespace, kind: label.kind, name, ...NOTHING, pods: own })
  }
  return found
}

const NOTHING = {
  success: null,
  rps: null,
  requests: 0,
  failures: 0,
  latencyMs: null,
  tcpOpen: null,
  readBytesPerSecond: null,
  writeBytesPerSecond: null,
  meshed: 0,
} as const

function addReporters(
  rows: Rows<ResourceLabel>,
  read: StatReads,
  kind: GroupKind,
  target: Target,
  present: Int32Array,
): void {
  const { ids, labels } = read.table.column(reporterFacet(kind))
  const add = memo(labels, (label) => (matchesResource(target, label) ? rows.add(label) : -1))
  for (const series of present) add(ids[series]!)
}
