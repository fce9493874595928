import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { parseRedisUrl } from '../../../src/redis/redis-url.ts'
import { RedisTapBus, type RedisTapBusOptions } from '../../../src/tap/redis/redis-tap-bus.ts'
import type { TapBusContract } from '../../contracts/tap-bus.ts'

/** Opens a bus that the test closes at its end. */
export async function openBus(
  t: Test,
  url: string,
  options: Omit<RedisTapBusOptions, 'redis'> = {},
): Promise<RedisTapBus> {
  const bus = await RedisTapBus.open({ redis: parseRedisUrl(url), syncMs: 100, ...options })
  t.teardown(() => bus.close())
  return bus
}

/** The contract, on two buses of one Redis, which `empty` empties before each test. */
export function redisContract(name: string, url: string, empty: () => Promise<void>): TapBusContract {
  return {
    name,
    open: async (t, maxTaps) => {
      await empty()
      const [bus, other] = await Promise.all([openBus(t, url, { maxTaps }), openBus(t, url, { maxTaps })])
      return { bus, other, pass: (ms) => sleep(ms) }
    },
    ttlMs: 600,
    lateMs: 400,
  }
}
