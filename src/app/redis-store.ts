import { parseRedisUrl } from '../redis/redis-url.ts'
import { RedisRollupStore } from '../store/redis/redis-rollup-store.ts'
import type { RollupStore } from '../store/rollup-store.ts'

/**
 * Opens the rollup store in Redis for programs, `meshtap/redis-store`: what `meshtap/function` commits to. The URL is as
 * `--redis` has it.
 *
 * Throws a RangeError that says what a URL may be; rejects with a StoreError when the server does not answer or is too old.
 */
export async function openRedisStore(url: string): Promise<RollupStore> {
  return RedisRollupStore.open({ redis: parseRedisUrl(url) })
}
