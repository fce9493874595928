import { ROLE_SETTINGS } from '../config/roles.ts'
import { ByteBudget } from '../ingest/byte-budget.ts'
import { createIngest } from '../ingest/ingest.ts'
import { DEFAULT_INGEST_LIMITS } from '../ingest/limits.ts'
import { EmbeddedEventLog } from '../log/embedded/embedded-event-log.ts'
import { EmbeddedRollupStore } from '../store/embedded/embedded-rollup-store.ts'
import { LocalTapBus } from '../tap/local/local-tap-bus.ts'
import { openAnswering } from './answering.ts'
import { ingestAccess } from './doors.ts'
import { openFolding } from './folding.ts'
import { listenGrpc, openGrpcIngest } from './grpc-ingest.ts'
import { openIdentities } from './identities.ts'
import { listenOn } from './listen.ts'
import { addEmbeddedMetrics } from './metrics/embedded-metrics.ts'
import { addIngestMetrics } from './metrics/ingest-metrics.ts'
import { measuredLog, measuredStore } from './metrics/measured-ports.ts'
import { meshPage } from './metrics/metrics-pages.ts'
import type { RoleContext } from './role-context.ts'
import { openTls } from './tls.ts'
import { tracedLog, tracedServer, tracedStore } from './tracing.ts'
import { CLOSE_GRACE_MS, serverLogger } from './servers.ts'

/** Topic of events, and of what could not be decoded. */
const TOPIC = 'mesh.requests'
const DEAD_LETTER_TOPIC = 'mesh.requests.dead'

/** Base URLs, with the ports that were really taken. */
export interface ServeAddresses {
  readonly gatewayUrl: string
  readonly ingestUrl: string
  /** Undefined where it is off. */
  readonly grpcUrl: string | undefined
}

/** Runs every role in this process on the embedded adapters. */
export async function startServe(context: RoleContext<'serve'>): Promise<ServeAddresses> {
  const { settings, version, logger, trouble, metrics, parts } = context
  const now = Date.now
  const file = await EmbeddedEventLog.open({
    path: `${settings.data}/log`,
    partitions: settings.partitions,
    maxBytes: settings.logMaxBytes,
    maxAgeMs: settings.logMaxAge,
    now,
    onError: (error, partition) =>
      trouble.report({ kind: 'log', message: `a partition is read anew: ${String(error)}`, partition }),
  })
  parts.add('log', () => file.close())
  const rollups = await EmbeddedRollupStore.open({ path: `${settings.data}/store`, now })
  parts.add('store', () => rollups.close())
  addEmbeddedMetrics(metrics, { log: file, logMaxBytes: settings.logMaxBytes, store: rollups })
  const log = tracedLog(context, measuredLog(metrics, file))
  const store = tracedStore(context, measuredStore(metrics, rollups))
  const bus = new LocalTapBus()
  parts.add('tap bus', () => bus.close())

  const identities = await openIdentities(context)
  const aggregator = await openFolding(context, {
    log,
    topic: TOPIC,
    deadLetterTopic: DEAD_LETTER_TOPIC,
    store,
    bus,
    identities,
  })
  const ready = () =>
    aggregator.isReady ? { ready: true } : { ready: false, reason: 'partitions are not claimed yet' }
  const tls = await openTls(context)
  const gateway = await openAnswering(
    context,
    {
      store,
      bus,
      ready,
      past: { log, topic: TOPIC },
      identities,
      settleMs: 0,
      metrics: meshPage(context, store),
    },
    tls,
  )
  const budget = new ByteBudget(DEFAULT_INGEST_LIMITS.inFlightBytes)
  const access = await ingestAccess(context)
  const ingest = await createIngest({
    log,
    topic: TOPIC,
    version,
    logger: serverLogger(logger),
    limits: {
      closeGraceMs: CLOSE_GRACE_MS,
      connections: settings.connections,
      connectionsPerAddress: settings.connectionsPerAddress,
    },
    now,
    allowedHosts: settings.allowedHosts,
    budget,
    ...access,
    ...tracedServer(context),
    ...(tls === undefined ? {} : { tls }),
  })
  addIngestMetrics(metrics, { ingest, inFlightLimit: budget.limit })
  const grpc = await openGrpcIngest(context, { log, topic: TOPIC, budget, ready, tls, ...access })
  // Together, since each waits for its clients, and a stop has one time to wait.
  parts.add('servers', async () => {
    await Promise.all([gateway.close(), ingest.close(), grpc?.close()])
  })
  await Promise.all([
    listenOn(gateway, settings.listen, ROLE_SETTINGS.serve.listen),
    listenOn(ingest, settings.ingestListen, ROLE_SETTINGS.serve.ingestListen),
    listenGrpc(grpc, settings),
    identities.settled.then(() => aggregator.start()),
  ])
  return {
    gatewayUrl: gateway.listeningOrigin,
    ingestUrl: ingest.listeningOrigin,
    grpcUrl: grpc?.origin,
  }
}
