import type { BareFormat } from '../aggregator/record-decoder.ts'
import { createGateway, type GatewayServer } from '../gateway/gateway.ts'
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from '../gateway/limits.ts'
import { TapHub } from '../gateway/tap-hub.ts'
import type { EventLog } from '../log/event-log.ts'
import type { TapReplays } from '../tap/tap-replay.ts'
import { flowsOf } from './folding.ts'
import type { Readiness } from '../http/health-routes.ts'
import type { Page } from '../http/page.ts'
import { QueryEngine } from '../query/query-engine.ts'
import type { RollupStore } from '../store/rollup-store.ts'
import type { TapBus } from '../tap/tap-bus.ts'
import type { TlsMaterial } from '../http/tls-material.ts'
import { auditLog } from './audit-log.ts'
import { openDoor } from './doors.ts'
import { addGatewayMetrics } from './metrics/gateway-metrics.ts'
import type { OpenIdentities } from './identities.ts'
import type { RoleContext } from './role-context.ts'
import { CLOSE_GRACE_MS, serverLogger } from './servers.ts'
import { tapTrouble } from './tap-trouble.ts'
import { tracedServer } from './tracing.ts'

export interface AnsweringPorts {
  readonly store: RollupStore
  readonly bus: TapBus
  readonly ready: Readiness
  /** Where the past of taps is read, if anywhere. */
  readonly past?:
    | {
        readonly log: EventLog
        readonly topic: string
        readonly bareFormats?: ReadonlyMap<string, BareFormat>
      }
    | undefined
  readonly identities: OpenIdentities
  /** Within this time of its registration every worker evaluates a tap, milliseconds. */
  readonly settleMs: number
  /** What answers `/metrics`. */
  readonly metrics: Page
}

/** The server that answers queries and streams taps. Who calls this lets it listen, and closes it before the role's parts. */
export async function openAnswering(
  context: RoleContext<'serve' | 'gateway'>,
  { store, bus, ready, past, identities, settleMs, metrics }: AnsweringPorts,
  tls: TlsMaterial | undefined,
): Promise<GatewayServer> {
  const { settings, version, logger, trouble, metrics: own, parts } = context
  const door = await openDoor(context)
  const taps = new TapHub({
    bus,
    settleMs,
    limits: { sessions: settings.tapSessions, queueBytes: settings.tapMemory },
    ...(past === undefined ? {} : { replays: await openReplays(context, past, identities) }),
    onTrouble: tapTrouble(trouble),
  })
  parts.add('taps', () => taps.close())
  const engine = new QueryEngine({
    stores: [{ name: settings.cluster, store }],
    now: Date.now,
    ...(identities.pods === undefined ? {} : { pods: identities.pods }),
  })
  const observe = own.histogram('meshtap_gateway_query_duration_seconds')
  const limits: GatewayLimits = {
    ...DEFAULT_GATEWAY_LIMITS,
    closeGraceMs: CLOSE_GRACE_MS,
    requestsPerMinute: settings.requestsPerMinute,
    streamsPerIdentity: settings.streamsPerIdentity,
    streamsPerAddress: settings.streamsPerAddress,
    liveClients: settings.liveSessions,
    connections: settings.connections,
    connectionsPerAddress: settings.connectionsPerAddress,
  }
  const gateway = await createGateway({
    engine,
    taps,
    ready,
    version,
    logger: serverLogger(logger),
    limits,
    onQuery: (route, seconds) => observe(seconds, { route }),
    allowedHosts: settings.allowedHosts,
    audit: auditLog(context),
    ...tracedServer(context),
    metrics,
    ...(door === undefined ? {} : { door }),
    ...(settings.ticketSecret === undefined ? {} : { ticketSecret: settings.ticketSecret }),
    ...(tls === undefined ? {} : { tls }),
  })
  addGatewayMetrics(own, { gateway, taps, engine, limits })
  return gateway
}

async function openReplays(
  { settings }: RoleContext<'serve' | 'gateway'>,
  { log, topic, bareFormats }: NonNullable<AnsweringPorts['past']>,
  { identify }: OpenIdentities,
): Promise<TapReplays> {
  const { LogReplays } = await import('../replay/log-replays.ts')
  return new LogReplays({
    log,
    topic,
    flows: flowsOf(settings),
    rules: settings.classify,
    now: Date.now,
    ...(identify === undefined ? {} : { identify }),
    ...(bareFormats === undefined ? {} : { bareFormats }),
  })
}
