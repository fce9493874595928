import type { RollupStore } from '../store/rollup-store.ts'
import type { TapBus } from '../tap/tap-bus.ts'
import { LateRollupStore } from './late-rollup-store.ts'
import { LateTapBus } from './late-tap-bus.ts'
import { Opening } from './opening.ts'
import type { RoleContext } from './role-context.ts'

type RedisContext = RoleContext<'aggregator' | 'gateway' | 'exporter'>

/** The store in Redis, opened as soon as Redis answers, and closed with the role. */
export function openRedisStore({ settings, trouble, parts, onFatal }: RedisContext): RollupStore {
  const onTrouble = trouble.of('store')
  const opening = new Opening<RollupStore>({
    what: 'Redis',
    onTrouble,
    onFatal,
    open: async () => {
      const { RedisRollupStore } = await import('../store/redis/redis-rollup-store.ts')
      return RedisRollupStore.open({ redis: settings.redis, onTrouble })
    },
  })
  parts.add('redis', () => opening.close())
  return new LateRollupStore(opening)
}

/** The tap bus in Redis, in the same way. */
export function openRedisTapBus({ settings, trouble, parts, onFatal }: RedisContext): TapBus {
  const onTrouble = trouble.of('tap-bus')
  const opening = new Opening<TapBus>({
    what: 'Redis',
    onTrouble,
    onFatal,
    open: async () => {
      const { RedisTapBus } = await import('../tap/redis/redis-tap-bus.ts')
      return RedisTapBus.open({ redis: settings.redis, onTrouble })
    },
  })
  parts.add('tap bus', () => opening.close())
  return new LateTapBus(opening, (message) => onTrouble({ kind: 'watch', message }))
}
