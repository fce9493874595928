import { ROLE_SETTINGS } from '../config/roles.ts'
import { METRICS_CONTENT_TYPE, ownMetrics } from '../exporter/own-metrics.ts'
import { HttpProblem } from '../http/problem.ts'
import { StatusServer } from '../http/status-server.ts'
import { redisName } from '../redis/redis-url.ts'
import { StoreError } from '../store/rollup-store.ts'
import { listenOn } from './listen.ts'
import { Reachability } from './reachability.ts'
import { openRedisStore } from './redis-ports.ts'
import type { Announcement, RoleContext } from './role-context.ts'

/** `meshtap exporter`: for Prometheus, how far the partitions are. Ready while Redis answers. */
export async function startExporter(context: RoleContext<'exporter'>): Promise<Announcement> {
  const { settings, version, logger, parts } = context
  const store = openRedisStore(context)
  const redis = new Reachability(() => store.partitions())
  parts.add('readiness', async () => redis.close())
  const metrics = async () => {
    try {
      return { contentType: METRICS_CONTENT_TYPE, body: await ownMetrics(store, version) }
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      const detail = `the store of the rollups does not answer: ${error.message}`
      throw new HttpProblem(503, error.code, detail, { retryAfterSeconds: 1 }, { cause: error })
    }
  }
  const server = new StatusServer({
    ready: () =>
      redis.reason === undefined
        ? { ready: true }
        : { ready: false, reason: `Redis does not answer: ${redis.reason}` },
    pages: { '/metrics': metrics },
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
