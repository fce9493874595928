import type { RollupStore } from '../store/rollup-store.ts'
import type { TapBus } from '../tap/tap-bus.ts'
import { LateRollupStore } from './late-rollup-store.ts'
import { LateTapBus } from './late-tap-bus.ts'
import type { RedisRollupStore } from '../store/redis/redis-rollup-store.ts'
import type { RedisTapBus } from '../tap/redis/redis-tap-bus.ts'
import { measuredStore } from './metrics/measured-ports.ts'
import { addRedisStoreMetrics, addRedisTapBusMetrics } from './metrics/redis-metrics.ts'
import { Opening } from './opening.ts'
import type { RoleContext } from './role-context.ts'
import { tracedStore } from './tracing.ts'

type RedisContext = RoleContext<'aggregator' | 'gateway' | 'exporter'>
type TapBusContext = RoleContext<'aggregator' | 'gateway'>

/** The store in Redis, opened as soon as Redis answers, and closed with the role. */
export function openRedisStore(context: RedisContext): RollupStore {
  const { settings, trouble, metrics, parts, onFatal } = context
  let opened: RedisRollupStore | undefined
  const onTrouble = trouble.of('store')
  const opening = new Opening<RollupStore>({
    what: 'Redis',
    onTrouble,
    onFatal,
    open: async () => {
      const { RedisRollupStore } = await import('../store/redis/redis-rollup-store.ts')
      opened = await RedisRollupStore.open({ redis: settings.redis, onTrouble })
      return opened
    },
  })
  parts.add('redis', () => opening.close())
  addRedisStoreMetrics(metrics, () => opened?.stats)
  return tracedStore(context, measuredStore(metrics, new LateRollupStore(opening)))
}

/** The tap bus in Redis, in the same way. */
export function openRedisTapBus({ settings, trouble, metrics, parts, onFatal }: TapBusContext): TapBus {
  let opened: RedisTapBus | undefined
  const onTrouble = trouble.of('tap-bus')
  const opening = new Opening<TapBus>({
    what: 'Redis',
    onTrouble,
    onFatal,
    open: async () => {
      const { RedisTapBus } = await import('../tap/redis/redis-tap-bus.ts')
      opened = await RedisTapBus.open({ redis: settings.redis, onTrouble })
      return opened
    },
  })
  parts.add('tap bus', () => opening.close())
  addRedisTapBusMetrics(metrics, () => opened?.stats)
  return new LateTapBus(opening, (message) => onTrouble({ kind: 'watch', message }))
}
