import type { ReasonRow, StatusCount } from '../../query/answer.ts'
import type { Detail } from './golden-columns.ts'
import { grpcStatusName } from './grpc-status.ts'
import { count, MISSING, percent, perSecond } from './number-format.ts'
import { textOrMissing } from './resource-name.ts'
import { left, right } from './table.ts'
import { type StatView, tablesByKind } from './stat-tables.ts'

/** Statuses that a row of a plain table names. */
const MAX_STATUSES = 3

/** Which requests of each resource ended for which reason. */
export function reasonTables(rows: readonly ReasonRow[], view: StatView): string {
  return tablesByKind(rows, view, [
    left('REASON', ({ reason }) => textOrMissing(reason)),
    left('STATUS', ({ statuses }) => statusText(statuses, view.detail)),
    right('SHARE', ({ share }) => percent(share)),
    right('FAILURES', ({ failures }) => count(failures)),
    right('REQUESTS', ({ requests }) => count(requests)),
    right('RPS', ({ rps }) => perSecond(rps)),
  ])
}

/** `503, 504`, and in `wide` how many of each: `503×12, 504×1`. */
function statusText(statuses: readonly StatusCount[], detail: Detail): string {
  if (statuses.length === 0) return MISSING
  if (detail === 'wide') {
    return statuses.map((status) => `${statusName(status)}×${status.requests}`).join(', ')
  }
  const names = statuses.slice(0, MAX_STATUSES).map(statusName)
  return `${names.join(', ')}${statuses.length > MAX_STATUSES ? ', …' : ''}`
}

/** What a client was answered: gRPC's word where there is one, as HTTP's status is 200 then. */
function statusName({ status, grpcStatus }: StatusCount): string {
  if (grpcStatus !== null) return grpcStatusName(grpcStatus)
  return status === null ? 'none' : String(status)
}

/** Keys as `statJson` has them. */
export function reasonJson(rows: readonly ReasonRow[]): object {
  return rows.map(({ namespace, kind, name, reason, rps, cluster, requests, failures, share, statuses }) => ({
    namespace,
    kind,
    name,
    reason,
    rps,
    cluster,
    requests,
    failures,
    share,
    statuses: statuses.map((status) => ({
      status: status.status,
      grpc_status: status.grpcStatus,
      requests: status.requests,
      failures: status.failures,
    })),
  }))
}
