/** Registers a tap over and over, as a gateway does, and prints a line each time. Arguments: URL, id, time to live. */
import { setTimeout as sleep } from 'node:timers/promises'
import { parseRedisUrl } from '../../../src/redis/redis-url.ts'
import { RedisTapBus } from '../../../src/tap/redis/redis-tap-bus.ts'

const [, , url = '', id = '', ttlMs = ''] = process.argv
const bus = await RedisTapBus.open({ redis: parseRedisUrl(url) })
for (;;) {
  await bus.register({ id, query: { resource: {}, maxRps: 1 } }, Number(ttlMs))
  process.stdout.write('registered\n')
  await sleep(Number(ttlMs) / 4)
}
