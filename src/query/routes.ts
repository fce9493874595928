import type { RouteRow, RoutesAnswer } from './answer.ts'
import { emptyReason } from './empty-reason.ts'
import { type Facet, isOverflow, type Label, labelId, workloadAt } from './facet.ts'
import { overflowFaults } from './overflow.ts'
import type { RoutesRequest } from './requests.ts'
import { filterAt, groupKindOf, questionScopes } from './resource-question.ts'
import { answerBase, type RollupReader } from './rollup-reader.ts'
import { byTexts } from './row-order.ts'
import type { Question } from './select.ts'
import { requestRows } from './series-rows.ts'
import { betweenSides, receivingSides } from './sides.ts'
import { requestFigures } from './tally.ts'

/** What linkerd calls requests that match no route. */
const NO_ROUTE = '[DEFAULT]'

interface RouteLabel extends Label {
  readonly cluster: string
  readonly namespace: string
  readonly service: string
  readonly route: string
  readonly method: string
}

const ROUTE: Facet<RouteLabel> = {
  name: 'route-of-service',
  label: (key) => {
    if (isOverflow(key.workload)) return undefined
    const { cluster, namespace } = workloadAt(key, 'destination')
    const { service, method } = key
    const route = key.route === '' ? NO_ROUTE : key.route
    return {
      id: labelId(cluster, namespace, service, route, method),
      cluster,
      namespace,
      service,
      route,
      method,
    }
  },
}

const byServiceRouteMethod = byTexts<RouteRow>(
  (row) => row.service,
  (row) => row.route,
  (row) => row.method,
  (row) => row.cluster,
  (row) => row.namespace,
)

/** Success rate, request rate and latency by route: of what resources receive, or of what goes between two. */
export async function routes(reader: RollupReader, request: RoutesRequest): Promise<RoutesAnswer> {
  const { target, peer } = request
  const read = await reader.readStat({ span: request.window, scopes: questionScopes(target, peer) })
  const { rows: found, requests } = requestRows(read, routeQuestion(request))
  const { labels } = found
  const sums = reader.tally(JSON.stringify(['routes', request]), read, requests, labels)
  const rows: RouteRow[] = []
  for (let slot = 0; slot < labels.length; slot++) {
    if (sums.requests[slot] === 0) continue
    const { cluster, namespace, service, route, method } = labels[slot]!
    rows.push({
      cluster,
      namespace,
      service,
      route,
      method,
      ...requestFigures(sums, slot, read.window.seconds),
    })
  }
  const base = answerBase(read)
  return {
    ...base,
    partial: [...base.partial, ...overflowFaults(read)],
    rows: rows.sort(byServiceRouteMethod),
    ...(rows.length > 0 ? {} : { empty: await emptyReason(reader, read, request) }),
  }
}

function routeQuestion({ target, peer }: RoutesRequest): Question<RouteLabel> {
  if (peer === undefined) {
    const filters = [filterAt('destination', target)]
    return { group: ROUTE, filters, ...receivingSides(groupKindOf(target)) }
  }
  const [source, destination] = peer.role === 'to' ? [target, peer.target] : [peer.target, target]
  return {
    group: ROUTE,
    filters: [filterAt('source', source), filterAt('destination', destination)],
    ...betweenSides(groupKindOf(destination)),
  }
}
