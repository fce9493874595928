import { ROLE_SETTINGS } from '../config/roles.ts'
import { ownPage } from '../exporter/own-page.ts'
import { redisName } from '../redis/redis-url.ts'
import { type AnsweringPorts, openAnswering } from './answering.ts'
import { openReplayLog } from './kafka-log.ts'
import { openIdentities } from './identities.ts'
import { listenOn } from './listen.ts'
import { Reachability } from './reachability.ts'
import { openRedisStore, openRedisTapBus } from './redis-ports.ts'
import { openTopicFormats } from './topic-formats.ts'
import type { Announcement, RoleContext } from './role-context.ts'
import { openTls } from './tls.ts'

/** Workers are told of a tap at once; one that misses it finds out within a second. */
const SETTLE_MS = 1500

/** `meshtap gateway`: answers queries and streams taps. Ready while Redis answers. */
export async function startGateway(context: RoleContext<'gateway'>): Promise<Announcement> {
  const { settings, parts } = context
  const store = openRedisStore(context)
  const bus = openRedisTapBus(context)
  const redis = new Reachability(() => store.partitions())
  parts.add('readiness', async () => redis.close())
  const ready = () =>
    redis.reason === undefined
      ? { ready: true }
      : { ready: false, reason: `Redis does not answer: ${redis.reason}` }
  const gateway = await openAnswering(
    context,
    {
      store,
      bus,
      ready,
      past: await openPast(context),
      identities: await openIdentities(context),
      settleMs: SETTLE_MS,
      metrics: ownPage(() => context.metrics.samples()),
    },
    await openTls(context),
  )
  parts.add('server', () => gateway.close())
  await listenOn(gateway, settings.listen, ROLE_SETTINGS.gateway.listen)
  const url = gateway.listeningOrigin
  return [
    ['API', `${url} (its documentation: ${url}/api/docs)`],
    ['redis', redisName(settings.redis)],
    ...(settings.brokers === undefined ? [] : [['kafka', settings.brokers.join(',')] as const]),
  ]
}

async function openPast(context: RoleContext<'gateway'>): Promise<AnsweringPorts['past']> {
  const { brokers, topic } = context.settings
  if (brokers === undefined) return undefined
  return { log: openReplayLog(context, brokers), topic, bareFormats: await openTopicFormats(context) }
}
