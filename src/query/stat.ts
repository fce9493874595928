import { QUANTILE_ERROR } from '../rollup/histogram.ts'
import type { StatAnswer, StatRow } from './answer.ts'
import { openConnections } from './connections.ts'
import { emptyReason } from './empty.ts'
import { type GroupKind, reporterFacet, type ResourceLabel } from './facet.ts'
import { hasPods, reportingPods } from './meshed.ts'
import { overflowFaults } from './overflow.ts'
import { presentSeries } from './present.ts'
import type { StatRequest } from './requests.ts'
import { questionScopes, resourceQuestion } from './resource-question.ts'
import { answerBase, type RollupReader, type StatReads } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import { memo, select, type Selection } from './select.ts'
import { requestFigures, tally } from './tally.ts'
import { matchesResource, type Peer, type Target } from './target.ts'

const byKindAndName = byTexts<StatRow>(
  (row) => row.kind,
  (row) => row.cluster,
  (row) => row.namespace,
  (row) => row.name,
)

/** Success rate, request rate, latency and connections of resources. */
export async function stat(reader: RollupReader, request: StatRequest): Promise<StatAnswer> {
  const { target, peer } = request
  const read = await reader.readStat({ span: request.window, scopes: questionScopes(target, peer) })
  const rows: StatRow[] = []
  for (const kind of kindsOf(target, read)) rows.push(...(await rowsOf(reader, read, kind, target, peer)))
  const base = answerBase(read)
  const isWhole = peer === undefined && (target.kind === 'namespace' || target.kind === 'cluster')
  return {
    ...base,
    partial: isWhole ? base.partial : [...base.partial, ...overflowFaults(read)],
    rows: rows.sort(byKindAndName),
    latencyError: QUANTILE_ERROR,
    ...(rows.length > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

/** `all` is every kind whose rows are of one resource each; clusters, namespaces and routes are sums over others. */
function kindsOf({ kind }: Target, { window }: StatReads): readonly GroupKind[] {
  if (kind !== 'all') return [kind]
  return window.tier.pods ? ['workload', 'pod', 'service', 'authority'] : ['workload', 'service', 'authority']
}

async function rowsOf(
  reader: RollupReader,
  read: StatReads,
  kind: GroupKind,
  target: Target,
  peer: Peer | undefined,
): Promise<StatRow[]> {
  const { table, reads, window } = read
  const present = presentSeries(
    reads.map(({ columns }) => columns),
    table,
  )
  const selection = select(resourceQuestion(kind, target, peer), table, present)
  // A resource that reports but receives nothing is there all the same.
  const showsIdle = peer === undefined && hasPods(kind)
  if (showsIdle) addReporters(selection, read, kind, target, present)
  const { labels, slotOf } = selection
  const counted = reads.filter(({ inWindow }) => inWindow).map(({ columns }) => columns)
  const sums = tally(counted, slotOf, labels.length)
  const open = await openConnections(reader, read, slotOf, labels.length)
  const meshed = hasPods(kind) ? reportingPods(read, kind, selection) : undefined
  const rows: StatRow[] = []
  for (let slot = 0; slot < labels.length; slot++) {
    const isConnected = sums.connected[slot] === 1
    const hasOpen = !Number.isNaN(open[slot]!)
    if (!showsIdle && sums.requests[slot] === 0 && !isConnected && !hasOpen) continue
    const { cluster, namespace, kind, name } = labels[slot]!
    rows.push({
      cluster,
      namespace,
      kind,
      name,
      ...requestFigures(sums, slot, window.seconds),
      tcpOpen: hasOpen ? open[slot]! : null,
      readBytesPerSecond: isConnected ? sums.readBytes[slot]! / window.seconds : null,
      writeBytesPerSecond: isConnected ? sums.writtenBytes[slot]! / window.seconds : null,
      meshed: meshed === undefined ? null : meshed[slot]!,
    })
  }
  return rows
}

function addReporters(
  selection: Selection<ResourceLabel>,
  { table }: StatReads,
  kind: GroupKind,
  target: Target,
  present: Int32Array,
): void {
  const { ids, labels } = table.column(reporterFacet(kind))
  const add = memo(labels, (label) => (matchesResource(target, label) ? selection.add(label) : -1))
  for (const series of present) add(ids[series]!)
}
