import { createGateway, type GatewayServer } from '../gateway/gateway.ts'
import { TapHub } from '../gateway/tap-hub.ts'
import type { Readiness } from '../http/health-routes.ts'
import { QueryEngine } from '../query/query-engine.ts'
import type { RollupStore } from '../store/rollup-store.ts'
import type { TapBus } from '../tap/tap-bus.ts'
import type { RoleContext } from './role-context.ts'
import { CLOSE_GRACE_MS, serverLogger } from './servers.ts'
import { tapTrouble } from './tap-trouble.ts'

export interface AnsweringPorts {
  readonly store: RollupStore
  readonly bus: TapBus
  readonly ready: Readiness
}

/** The server that answers queries and streams taps. Who calls this lets it listen, and closes it before the role's parts. */
export async function openAnswering(
  { settings, version, logger, trouble, parts }: RoleContext<'serve' | 'gateway'>,
  { store, bus, ready }: AnsweringPorts,
): Promise<GatewayServer> {
  const taps = new TapHub({
    bus,
    onTrouble: tapTrouble(trouble),
  })
  parts.add('taps', () => taps.close())
  return createGateway({
    engine: new QueryEngine({ stores: [{ name: settings.cluster, store }], now: Date.now }),
    taps,
    ready,
    version,
    logger: serverLogger(logger),
    limits: { closeGraceMs: CLOSE_GRACE_MS },
    allowedHosts: settings.allowedHosts,
  })
}
