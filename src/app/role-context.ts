import type { Role, RoleSettings } from '../config/roles.ts'
import type { FoldTraces } from '../telemetry/fold-traces.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { OwnMetrics } from '../telemetry/own-metrics.ts'
import type { Tracer } from '../telemetry/tracer.ts'
import type { TroubleLog } from '../telemetry/trouble-log.ts'
import type { Parts } from './parts.ts'

/** What a role that is traced traces with. */
export interface Tracing {
  readonly tracer: Tracer
  readonly folds: FoldTraces
}

/** What a role is started with. */
export interface RoleContext<R extends Role> {
  readonly settings: RoleSettings<R>
  readonly version: string
  readonly logger: Logger
  readonly trouble: TroubleLog
  readonly metrics: OwnMetrics
  /** Undefined where nothing is traced. */
  readonly tracing?: Tracing | undefined
  /** What the role opens, whether or not it then starts: who started it closes them. */
  readonly parts: Parts
  /** Told of a failure that ends the role. */
  readonly onFatal: (error: unknown) => void
}

/** What people need to know of a role that runs: pairs of a word and what it stands for, an address for example. */
export type Announcement = readonly (readonly [string, string])[]
