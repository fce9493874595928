import { ROLE_SETTINGS } from '../config/roles.ts'
import { StatusServer } from '../http/status-server.ts'
import { redisName } from '../redis/redis-url.ts'
import { listenOn } from './listen.ts'
import { meshPage } from './metrics/metrics-pages.ts'
import { Reachability } from './reachability.ts'
import { openRedisStore } from './redis-ports.ts'
import type { Announcement, RoleContext } from './role-context.ts'
import { tracedPage } from './tracing.ts'

/** `meshtap exporter`: the mesh's series for Prometheus. Ready while Redis answers. */
export async function startExporter(context: RoleContext<'exporter'>): Promise<Announcement> {
  const { settings, logger, parts } = context
  const store = openRedisStore(context)
  const redis = new Reachability(() => store.partitions())
  parts.add('readiness', async () => redis.close())
  const server = new StatusServer({
    ready: () =>
      redis.reason === undefined
        ? { ready: true }
        : { ready: false, reason: `Redis does not answer: ${redis.reason}` },
    pages: { '/metrics': tracedPage(context, 'scrape', meshPage(context, store)) },
    allowedHosts: settings.allowedHosts,
    onError: (error) => logger.error({ err: error }, 'metrics could not be given'),
  })
  parts.add('server', () => server.close())
  await listenOn(server, settings.listen, ROLE_SETTINGS.exporter.listen)
  return [
    ['metrics', `${server.listeningOrigin}/metrics`],
    ['redis', redisName(settings.redis)],
  ]
}
