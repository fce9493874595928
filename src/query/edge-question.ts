import type { SeriesKey, Workload } from '../rollup/series.ts'
import {
  DESTINATION_SERVICE,
  type Facet,
  isOverflow,
  type Label,
  labelId,
  workloadAt,
  workloadFacet,
  workloadId,
} from './facet.ts'
import type { EdgesRequest } from './requests.ts'
import { memo, type Question, type Rows } from './select.ts'
import type { SeriesTable } from './series-table.ts'
import { matchesWorkload } from './target.ts'

/** From one workload to another. */
export interface EdgeLabel extends Label {
  readonly source: Workload
  readonly destination: Workload
}

const EDGE: Facet<EdgeLabel> = {
  name: 'edge',
  label: (key) => {
    if (isOverflow(key.workload)) return undefined
    const source = workloadAt(key, 'source')
    const destination = workloadAt(key, 'destination')
    return { id: labelId(workloadId(source), workloadId(destination)), source, destination }
  },
}

/**
 * The edges of a mesh, each counted from one side only, so that no request is in two rows:
 *
 * 1. As its source reports it; where the source reports nothing of this edge (it is not meshed), as its destination
 *    does.
 * 2. A source that knows only the service it calls: not where proxies behind that service report who calls them.
 * 3. A destination that does not know its source, only perhaps its address: that is a client outside of the mesh, so
 *    the edge stays, with what is known of it, unless the destination never knows one (its proxies do not say) and
 *    callers of it are known from their own reports.
 * 4. A source that does not know its destination: the same the other way round.
 */
export function edgeQuestion(
  { target, peer }: EdgesRequest,
  table: SeriesTable,
  present: Int32Array,
): Question<EdgeLabel> {
  const isMeant = (workload: Workload) => matchesWorkload(target, workload)
  const isPeer = (workload: Workload) => peer === undefined || matchesWorkload(peer.target, workload)
  return {
    group: EDGE,
    accepts: ({ source, destination }) => {
      if (peer?.role === 'to') return isMeant(source) && isPeer(destination)
      if (peer?.role === 'from') return isPeer(source) && isMeant(destination)
      return isMeant(source) || isMeant(destination)
    },
    prefer: [{ direction: 'outbound', unit: EDGE }],
    keeps: keptEdges(table, present),
  }
}

/** The row of each series' edge, whichever side reports it; -1 where there is none. */
export function edgeSlots(table: SeriesTable, rows: Rows<EdgeLabel>): (series: number) => number {
  const { ids, labels } = table.column(EDGE)
  const slotOf = memo(labels, (label) => rows.find(label.id))
  return (series) => slotOf(ids[series]!)
}

/** Rules 2 to 4. */
function keptEdges(table: SeriesTable, present: Int32Array): (series: number) => boolean {
  const sources = table.column(workloadFacet('source'))
  const destinations = table.column(workloadFacet('destination'))
  const services = table.column(DESTINATION_SERVICE)
  const inbound = {
    knowsSource: marksOf(destinations.labels),
    knowsSourceOfService: marksOf(services.labels),
    of: marksOf(sources.labels),
  }
  const outbound = {
    knowsDestination: marksOf(sources.labels),
    to: marksOf(destinations.labels),
    toService: marksOf(services.labels),
  }
  for (const series of present) {
    const key = table.key(series)
    if (isOverflow(key.workload) || !isKnown(key.peer)) continue
    const source = sources.ids[series]!
    const destination = destinations.ids[series]!
    const service = services.ids[series]!
    if (key.direction === 'inbound') {
      inbound.knowsSource[destination] = 1
      inbound.knowsSourceOfService[service] = 1
      inbound.of[source] = 1
    } else {
      outbound.knowsDestination[source] = 1
      outbound.to[destination] = 1
      outbound.toService[service] = 1
    }
  }
  return (series) => {
    const key = table.key(series)
    const source = sources.ids[series]!
    const destination = destinations.ids[series]!
    const service = services.ids[series]!
    if (key.direction === 'inbound') {
      if (isKnown(key.peer) || inbound.knowsSource[destination] === 1) return true
      return outbound.to[destination] === 0 && outbound.toService[service] === 0
    }
    if (isService(key)) return inbound.knowsSourceOfService[service] === 0
    return isKnown(key.peer) || outbound.knowsDestination[source] === 1 || inbound.of[source] === 0
  }
}

function marksOf(labels: readonly Label[]): Uint8Array {
  return new Uint8Array(labels.length)
}

/** Whether it is known who this is: an address alone does not say. */
function isKnown({ kind, name }: Workload): boolean {
  return name !== '' && kind !== 'ip'
}

/** Whether all that is known of a destination is its service. */
function isService({ peer }: SeriesKey): boolean {
  return peer.kind === 'service'
}
