import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { parseRedisUrl } from '../../../src/redis/redis-url.ts'
import {
  RedisRollupStore,
  type RedisRollupStoreOptions,
} from '../../../src/store/redis/redis-rollup-store.ts'
import type { RollupStoreUnderTest } from '../../contracts/rollup-store.ts'

/** A store at a URL until the test's end. */
export async function openRedis(
  t: Test,
  url: string,
  options: Omit<RedisRollupStoreOptions, 'redis'> = {},
): Promise<RedisRollupStore> {
  const store = await RedisRollupStore.open({ redis: parseRedisUrl(url), ...options })
  t.teardown(() => store.close())
  return store
}

/** The same with the server's clock, which is this machine's: what is to expire has to be waited for. */
export async function openUnderTest(t: Test, url: string): Promise<RollupStoreUnderTest> {
  return {
    store: await openRedis(t, url),
    now: Date.now,
    passUntil: async (timeMs) => {
      while (Date.now() <= timeMs) await sleep(timeMs - Date.now() + 1)
    },
    reopen: () => openRedis(t, url),
  }
}
