import { ROLE_SETTINGS } from '../config/roles.ts'
import { ownPage } from '../exporter/own-page.ts'
import { ByteBudget } from '../ingest/byte-budget.ts'
import { createIngest } from '../ingest/ingest.ts'
import { DEFAULT_INGEST_LIMITS } from '../ingest/limits.ts'
import { countBuffersWithHeap } from './buffer-accounting.ts'
import { ingestAccess } from './doors.ts'
import { listenGrpc, openGrpcIngest } from './grpc-ingest.ts'
import { openKafkaLog } from './kafka-log.ts'
import { listenOn } from './listen.ts'
import { Reachability } from './reachability.ts'
import { addIngestMetrics } from './metrics/ingest-metrics.ts'
import { addKafkaReachability } from './metrics/kafka-metrics.ts'
import { measuredLog } from './metrics/measured-ports.ts'
import type { Announcement, RoleContext } from './role-context.ts'
import { openTls } from './tls.ts'
import { tracedLog, tracedServer } from './tracing.ts'
import { CLOSE_GRACE_MS, serverLogger } from './servers.ts'

/** What a record's key and headers may take of its length; more is refused by the log, which happens to no proxy. */
const KEY_AND_HEADER_BYTES = 4096

/** `meshtap ingest`: takes events by HTTP and gRPC into Kafka. Ready while Kafka answers. */
export async function startIngest(context: RoleContext<'ingest'>): Promise<Announcement> {
  const { settings, version, logger, metrics, parts } = context
  const { topic } = settings
  countBuffersWithHeap()
  const log = tracedLog(context, measuredLog(metrics, openKafkaLog(context)))
  const kafka = new Reachability(() => log.partitions(topic))
  parts.add('readiness', async () => kafka.close())
  addKafkaReachability(metrics, kafka)
  const tls = await openTls(context)
  const recordBytes = settings.maxRecordBytes - KEY_AND_HEADER_BYTES
  const budget = new ByteBudget(DEFAULT_INGEST_LIMITS.inFlightBytes)
  const access = await ingestAccess(context)
  const ready = () =>
    kafka.reason === undefined
      ? { ready: true }
      : { ready: false, reason: `Kafka does not answer: ${kafka.reason}` }
  const ingest = await createIngest({
    log,
    topic,
    version,
    logger: serverLogger(logger),
    limits: {
      closeGraceMs: CLOSE_GRACE_MS,
      recordBytes,
      connections: settings.connections,
      connectionsPerAddress: settings.connectionsPerAddress,
    },
    now: Date.now,
    ready,
    budget,
    allowedHosts: settings.allowedHosts,
    metrics: ownPage(() => metrics.samples()),
    ...access,
    ...tracedServer(context),
    ...(tls === undefined ? {} : { tls }),
  })
  addIngestMetrics(metrics, { ingest, inFlightLimit: budget.limit })
  const grpc = await openGrpcIngest(context, { log, topic, budget, ready, recordBytes, tls, ...access })
  parts.add('servers', async () => {
    await Promise.all([ingest.close(), grpc?.close()])
  })
  await listenOn(ingest, settings.listen, ROLE_SETTINGS.ingest.listen)
  await listenGrpc(grpc, settings)
  return [
    ['ingest', ingest.listeningOrigin],
    ...(grpc === undefined ? [] : [['gRPC', grpc.origin] as const]),
    ['kafka', settings.brokers.join(',')],
  ]
}
