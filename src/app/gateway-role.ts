import { ROLE_SETTINGS } from '../config/roles.ts'
import { redisName } from '../redis/redis-url.ts'
import { openAnswering } from './answering.ts'
import { listenOn } from './listen.ts'
import { Reachability } from './reachability.ts'
import { openRedisStore, openRedisTapBus } from './redis-ports.ts'
import type { Announcement, RoleContext } from './role-context.ts'

/** `meshtap gateway`: answers queries and streams taps. Ready while Redis answers. */
export async function startGateway(context: RoleContext<'gateway'>): Promise<Announcement> {
  const { settings, parts } = context
  const store = openRedisStore(context)
  const bus = openRedisTapBus(context)
  const redis = new Reachability(() => store.partitions())
  parts.add('readiness', async () => redis.close())
  const gateway = await openAnswering(context, {
    store,
    bus,
    ready: () =>
      redis.reason === undefined
        ? { ready: true }
        : { ready: false, reason: `Redis does not answer: ${redis.reason}` },
  })
  parts.add('server', () => gateway.close())
  await listenOn(gateway, settings.listen, ROLE_SETTINGS.gateway.listen)
  const url = gateway.listeningOrigin
  return [
    ['API', `${url} (its documentation: ${url}/api/docs)`],
    ['redis', redisName(settings.redis)],
  ]
}
