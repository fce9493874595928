import { ROLE_SETTINGS } from '../config/roles.ts'
import { ownPage } from '../exporter/own-page.ts'
import { createIngest } from '../ingest/ingest.ts'
import { DEFAULT_INGEST_LIMITS } from '../ingest/limits.ts'
import { ingestAccess } from './doors.ts'
import { openKafkaLog } from './kafka-log.ts'
import { listenOn } from './listen.ts'
import { Reachability } from './reachability.ts'
import { addIngestMetrics } from './metrics/ingest-metrics.ts'
import { addKafkaReachability } from './metrics/kafka-metrics.ts'
import { measuredLog } from './metrics/measured-ports.ts'
import type { Announcement, RoleContext } from './role-context.ts'
import { openTls } from './tls.ts'
import { CLOSE_GRACE_MS, serverLogger } from './servers.ts'

/** What a record's key and headers may take of its length; more is refused by the log, which happens to no proxy. */
const KEY_AND_HEADER_BYTES = 4096

/** `meshtap ingest`: takes events by HTTP into Kafka. Ready while Kafka answers. */
export async function startIngest(context: RoleContext<'ingest'>): Promise<Announcement> {
  const { settings, version, logger, metrics, parts } = context
  const { topic } = settings
  const log = measuredLog(metrics, openKafkaLog(context))
  const kafka = new Reachability(() => log.partitions(topic))
  parts.add('readiness', async () => kafka.close())
  addKafkaReachability(metrics, kafka)
  const tls = await openTls(context)
  const ingest = await createIngest({
    log,
    topic,
    version,
    logger: serverLogger(logger),
    limits: { closeGraceMs: CLOSE_GRACE_MS, recordBytes: settings.maxRecordBytes - KEY_AND_HEADER_BYTES },
    now: Date.now,
    ready: () =>
      kafka.reason === undefined
        ? { ready: true }
        : { ready: false, reason: `Kafka does not answer: ${kafka.reason}` },
    allowedHosts: settings.allowedHosts,
    metrics: ownPage(() => metrics.samples()),
    ...(await ingestAccess(context)),
    ...(tls === undefined ? {} : { tls }),
  })
  addIngestMetrics(metrics, { ingest, inFlightLimit: DEFAULT_INGEST_LIMITS.inFlightBytes })
  parts.add('server', () => ingest.close())
  await listenOn(ingest, settings.listen, ROLE_SETTINGS.ingest.listen)
  return [
    ['ingest', ingest.listeningOrigin],
    ['kafka', settings.brokers.join(',')],
  ]
}
