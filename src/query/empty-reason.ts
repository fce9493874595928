import type { EmptyReason } from './answer.ts'
import {
  endFacet,
  type Facet,
  type GroupKind,
  reporterFacet,
  type ResourceLabel,
  WORKLOAD_KINDS,
} from './facet.ts'
import { hasPods } from './reporting-pods.ts'
import type { StatRequest } from './requests.ts'
import type { ReadBase, RollupReader, StatReads } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import type { SeriesTable } from './series-table.ts'
import type { StatColumns } from './stat-columns.ts'
import { ALL_SCOPES, describe, matchesResource, type Target } from './target.ts'
import { rfc3339, type Window } from './window.ts'

/** Most resources that an empty answer names. */
const MAX_SEEN = 10

type Asked = Pick<StatRequest, 'target' | 'peer'>

/** When each series was last heard of, as far as the running totals and the window say. */
interface Known {
  readonly table: SeriesTable
  readonly series: Int32Array
  readonly lastMs: Float64Array
}

/** Why there is nothing to show. Only asked when there is nothing: it reads the totals of all scopes. */
export async function emptyReason(
  reader: RollupReader,
  read: ReadBase & Partial<Pick<StatReads, 'table' | 'reads'>>,
  { target, peer }: Asked,
): Promise<EmptyReason> {
  if (read.survey.newestMs === undefined) {
    return {
      kind: 'nothing-at-all',
      message:
        'No event has arrived yet. Send some to POST /v1/events, or put meshtap proxy in front of a service.',
      seen: [],
    }
  }
  const table = read.table ?? reader.table
  const totals = await reader.readTotals(read.survey, table, ALL_SCOPES)
  const known = lastHeard(table, [...totals, ...(read.reads ?? []).map(({ columns }) => columns)])
  for (const asked of peer === undefined ? [target] : [target, peer.target]) {
    if (lastSeen(known, asked, 'any') === undefined) return unknown(known, asked)
  }
  return notInWindow(known, read, { target, ...(peer && { peer }) })
}

function unknown(known: Known, target: Target): EmptyReason {
  const seen = seenResources(known, target)
  return {
    kind: 'unknown-resource',
    message:
      `No proxy reports ${describe(target)}, in the window or in the last hour.` +
      (seen.length === 0 ? '' : ` Seen were: ${seen.join(', ')}.`),
    seen,
  }
}

function notInWindow(known: Known, { window }: ReadBase, { target, peer }: Asked): EmptyReason {
  const seen = seenResources(known, target)
  if (peer !== undefined) {
    const [source, destination] = peer.role === 'to' ? [target, peer.target] : [peer.target, target]
    const span = `between ${rfc3339(window.fromMs)} and ${rfc3339(window.toMs)}`
    const message = `No requests from ${describe(source)} to ${describe(destination)} ${span}.`
    return { kind: 'not-in-window', message, seen }
  }
  const ownMs = lastSeen(known, target, 'own')
  return { kind: 'not-in-window', message: whyNothing(target, ownMs, window), seen }
}

function whyNothing(target: Target, ownMs: number | undefined, { fromMs, toMs }: Window): string {
  const what = describe(target)
  if (ownMs === undefined) {
    return `No proxy of ${what} reports, but others call it: ask for it with from=CLIENT, or for its clients with to.`
  }
  const span = `between ${rfc3339(fromMs)} and ${rfc3339(toMs)}`
  if (ownMs >= fromMs) return `Proxies of ${what} report, but no requests to it ${span}.`
  return `Nothing of ${what} ${span}; last seen at ${rfc3339(ownMs)}.`
}

function lastHeard(table: SeriesTable, blocks: readonly StatColumns[]): Known {
  const lastMs = new Float64Array(table.size)
  const met: number[] = []
  for (const columns of blocks) {
    for (let row = 0; row < columns.series.length; row++) {
      const series = columns.series[row]!
      if (lastMs[series] === 0) met.push(series)
      lastMs[series] = Math.max(lastMs[series]!, columns.lastMs[row]!)
    }
  }
  return { table, series: Int32Array.from(new Set(met)), lastMs }
}

/** When a target was last heard of, by its own proxies or by anyone's; undefined where never. */
function lastSeen(known: Known, target: Target, by: 'own' | 'any'): number | undefined {
  let last: number | undefined
  const group = target.kind === 'all' ? 'workload' : target.kind
  for (const { label, lastMs } of labelsOf(known, group, by)) {
    if (matchesResource(target, label)) last = Math.max(last ?? 0, lastMs)
  }
  return last
}

function seenResources(known: Known, target: Target): string[] {
  const labels = new Map<string, ResourceLabel>()
  // Who looks for a deployment may mean what is a statefulset.
  const isWorkload = WORKLOAD_KINDS.some((kind) => kind === target.kind)
  const group = target.kind === 'all' || isWorkload ? 'workload' : target.kind
  for (const { label } of labelsOf(known, group, 'any')) labels.set(label.id, label)
  return [...labels.values()]
    .sort(
      byTexts(
        (label) => firstWhere(label.namespace === target.namespace),
        (label) => firstWhere(label.kind === target.kind),
        (label) => label.namespace,
        (label) => label.kind,
        (label) => label.name,
        (label) => label.cluster,
      ),
    )
    .slice(0, MAX_SEEN)
    .map(({ namespace, kind, name }) => {
      const isPlain = namespace === '' || kind === 'namespace' || namespace === target.namespace
      return isPlain ? `${kind}/${name}` : `${namespace}/${kind}/${name}`
    })
}

/** A text that sorts what holds before what does not. */
function firstWhere(holds: boolean): string {
  return holds ? '0' : '1'
}

function* labelsOf(
  { table, series, lastMs }: Known,
  kind: GroupKind,
  by: 'own' | 'any',
): Generator<{ readonly label: ResourceLabel; readonly lastMs: number }> {
  for (const facet of facetsOf(kind, by)) {
    const { ids, labels } = table.column(facet)
    for (const id of series) if (ids[id]! >= 0) yield { label: labels[ids[id]!]!, lastMs: lastMs[id]! }
  }
}

function facetsOf(kind: GroupKind, by: 'own' | 'any'): Facet<ResourceLabel>[] {
  if (!hasPods(kind)) return [endFacet('destination', kind)]
  if (by === 'own') return [reporterFacet(kind)]
  return [endFacet('source', kind), endFacet('destination', kind)]
}
