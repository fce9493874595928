import { Cluster } from 'ioredis'
import type { RedisClient } from '../../redis/connect.ts'
import { StoreError } from '../rollup-store.ts'

const OLDEST: readonly [major: number, minor: number] = [6, 2]

/** What a server says of itself: fields of INFO. */
type ServerInfo = ReadonlyMap<string, string>

/**
 * Looks at every master: rejects with STORE_FORMAT where one is too old for the scripts, and answers what is wrong with
 * one that works but may lose totals.
 */
export async function checkServers(client: RedisClient, where: string): Promise<readonly string[]> {
  const servers = client instanceof Cluster ? client.nodes('master') : [client]
  const warnings = new Set<string>()
  const infos = await Promise.all(
    servers.map(async (server) => {
      const sections = await Promise.all([server.info('server'), server.info('memory')])
      return parseInfo(sections.join('\r\n'))
    }),
  )
  for (const info of infos) {
    const version = info.get('redis_version') ?? '0.0'
    const [major = 0, minor = 0] = version.split('.').map(Number)
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      const message = `cannot use the rollup store ${where}: it is Redis ${version}; ${OLDEST.join('.')} or later is needed, or Valkey`
      throw new StoreError('STORE_FORMAT', message)
    }
    const policy = info.get('maxmemory_policy') ?? 'noeviction'
    // Without a limit nothing is evicted, whatever the policy.
    if (policy !== 'noeviction' && info.get('maxmemory') !== '0') {
      warnings.add(
        `maxmemory-policy of ${where} is ${policy}: Redis may delete rollups that are in no other place; only noeviction keeps totals exact`,
      )
    }
  }
  return [...warnings]
}

function parseInfo(text: string): ServerInfo {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line): [string, string] => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon), line.slice(colon + 1)]
      }),
  )
}
