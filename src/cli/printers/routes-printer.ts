import type { RouteRow } from '../../query/answer.ts'
import { type Detail, goldenColumns, goldenJson } from './golden-columns.ts'
import { count } from './number-format.ts'
import { isSeveral, textOrMissing } from './resource-name.ts'
import { left, renderTables, right } from './table.ts'

export interface RoutesView {
  readonly detail: Detail
  readonly withNamespace: boolean
}

export function routesTable(rows: readonly RouteRow[], view: RoutesView): string {
  const withCluster = isSeveral(rows, ({ cluster }) => cluster)
  return renderTables<RouteRow>([
    {
      columns: [
        left('ROUTE', (row) => textOrMissing(routeName(row))),
        ...(withCluster ? [left<RouteRow>('CLUSTER', ({ cluster }) => textOrMissing(cluster))] : []),
        ...(view.withNamespace
          ? [left<RouteRow>('NAMESPACE', ({ namespace }) => textOrMissing(namespace))]
          : []),
        right('SERVICE', ({ service }) => textOrMissing(service)),
        ...goldenColumns<RouteRow>(view.detail),
        ...(view.detail === 'wide'
          ? [
              right<RouteRow>('REQUESTS', ({ requests }) => count(requests)),
              right<RouteRow>('FAILURES', ({ failures }) => count(failures)),
            ]
          : []),
      ],
      rows,
    },
  ])
}

/** Linkerd's keys, then those that it lacks. */
export function routesJson(rows: readonly RouteRow[]): object[] {
  return rows.map((row) => ({
    route: routeName(row),
    authority: row.service,
    ...goldenJson(row),
    cluster: row.cluster,
    namespace: row.namespace,
    method: row.method,
    path: row.route,
    requests: row.requests,
    failures: row.failures,
  }))
}

/** As service profiles name routes: `GET /api/vote`. */
function routeName({ method, route }: RouteRow): string {
  return method === '' ? route : `${method} ${route}`
}
