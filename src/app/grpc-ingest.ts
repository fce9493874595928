import type { StaticTokens } from '../access/static-tokens.ts'
import { ROLE_SETTINGS } from '../config/roles.ts'
import type { Readiness } from '../http/health-routes.ts'
import type { TlsMaterial } from '../http/tls-material.ts'
import type { ByteBudget } from '../ingest/byte-budget.ts'
import type { GrpcIngest } from '../ingest/grpc/grpc-ingest.ts'
import type { EventLog } from '../log/event-log.ts'
import { listenOn } from './listen.ts'
import { addGrpcMetrics } from './metrics/ingest-metrics.ts'
import type { RoleContext } from './role-context.ts'
import { CLOSE_GRACE_MS, serverLogger } from './servers.ts'
import { tracedCalls } from './tracing.ts'

export interface GrpcParts {
  readonly log: EventLog
  readonly topic: string
  /** Shared with ingest over HTTP. */
  readonly budget: ByteBudget
  readonly ready: Readiness
  readonly recordBytes?: number
  readonly tokens?: () => StaticTokens
  readonly tls: TlsMaterial | undefined
}

/** Ingest over gRPC, not listening yet; undefined where it is off. */
export async function openGrpcIngest(
  context: RoleContext<'serve' | 'ingest'>,
  { tls, recordBytes, ...parts }: GrpcParts,
): Promise<GrpcIngest | undefined> {
  const { settings, logger, metrics } = context
  if (settings.grpcListen === undefined) return undefined
  // Only who listens pays for its library.
  const { GrpcIngest } = await import('../ingest/grpc/grpc-ingest.ts')
  const grpc = new GrpcIngest({
    ...parts,
    logger: serverLogger(logger),
    limits: { closeGraceMs: CLOSE_GRACE_MS, ...(recordBytes === undefined ? {} : { recordBytes }) },
    now: Date.now,
    ...tracedCalls(context),
    ...(tls === undefined ? {} : { tls }),
  })
  addGrpcMetrics(metrics, grpc.stats)
  return grpc
}

/** Makes it listen where the settings say, if it is there. */
export async function listenGrpc(
  grpc: GrpcIngest | undefined,
  { grpcListen }: RoleContext<'serve' | 'ingest'>['settings'],
): Promise<void> {
  if (grpc === undefined || grpcListen === undefined) return
  await listenOn(grpc, grpcListen, ROLE_SETTINGS.serve.grpcListen)
}
