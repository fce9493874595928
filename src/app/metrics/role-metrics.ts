import type { Role } from '../../config/roles.ts'
import { OwnMetrics } from '../../telemetry/own-metrics.ts'
import type { TroubleLog } from '../../telemetry/trouble-log.ts'

/** The metrics of a role, with what every role has. */
export function roleMetrics({
  role,
  version,
  trouble,
}: {
  readonly role: Role
  readonly version: string
  readonly trouble: TroubleLog
}): OwnMetrics {
  const metrics = new OwnMetrics({ role, version })
  metrics.add((tell) => {
    for (const [kind, count] of trouble.counts) tell('meshtap_troubles_total', count, { kind })
  })
  return metrics
}
