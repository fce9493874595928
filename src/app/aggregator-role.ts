import { ROLE_SETTINGS } from '../config/roles.ts'
import { ownPage } from '../exporter/own-page.ts'
import { StatusServer } from '../http/status-server.ts'
import { redisName } from '../redis/redis-url.ts'
import { openFolding } from './folding.ts'
import { openIdentities } from './identities.ts'
import { openKafkaLog } from './kafka-log.ts'
import { listenOn } from './listen.ts'
import { addKafkaReachability } from './metrics/kafka-metrics.ts'
import { measuredLog } from './metrics/measured-ports.ts'
import { Reachability } from './reachability.ts'
import { openRedisStore, openRedisTapBus } from './redis-ports.ts'
import { openTopicFormats } from './topic-formats.ts'
import { tracedLog } from './tracing.ts'
import type { Announcement, RoleContext } from './role-context.ts'

/** `meshtap aggregator`: folds events of Kafka into rollups in Redis. Ready once its partitions are claimed. */
export async function startAggregator(context: RoleContext<'aggregator'>): Promise<Announcement> {
  const { settings, logger, metrics, parts, onFatal } = context
  const { topic, deadLetterTopic } = settings
  const kafka = openKafkaLog(context)
  const log = tracedLog(context, measuredLog(metrics, kafka))
  const reachability = new Reachability(() => kafka.partitions(topic))
  parts.add('readiness', async () => reachability.close())
  addKafkaReachability(metrics, reachability)
  const store = openRedisStore(context)
  const bus = openRedisTapBus(context)
  const identities = await openIdentities(context)
  const bareFormats = await openTopicFormats(context)
  const aggregator = await openFolding(context, {
    log,
    topic,
    deadLetterTopic,
    store,
    bus,
    identities,
    bareFormats,
  })
  const status = new StatusServer({
    ready: () =>
      aggregator.isReady ? { ready: true } : { ready: false, reason: 'partitions are not claimed yet' },
    pages: { '/metrics': ownPage(() => metrics.samples()) },
    allowedHosts: settings.allowedHosts,
    onError: (error) => logger.error({ err: error }, 'a status could not be given'),
  })
  parts.add('status', () => status.close())
  await listenOn(status, settings.listen, ROLE_SETTINGS.aggregator.listen)
  // It waits for Kafka, however long that takes, but not while it stops.
  identities.settled.then(() => aggregator.start()).catch(onFatal)
  parts.add('start', async () => kafka.giveUp())
  return [
    ['status', status.listeningOrigin],
    ['kafka', settings.brokers.join(',')],
    ['redis', redisName(settings.redis)],
  ]
}
