import { Cluster } from 'ioredis'
import type { RedisClient } from '../../redis/connect.ts'
import type { RedisSettings } from '../../redis/redis-url.ts'
import type { Place } from './subscriptions.ts'
import type { PubSubKind } from './tap-commands.ts'

/** Where there is one server. */
const ONLY: Place = ''

/** First version whose Cluster has sharded pub/sub. */
const SHARDED_SINCE = 7

/** Sharded pub/sub in a Cluster all of whose masters have it. */
export async function pubSubOf(client: RedisClient): Promise<PubSubKind> {
  if (!(client instanceof Cluster)) return 'plain'
  const versions = await Promise.all(
    client.nodes('master').map(async (node) => majorVersion(await node.info('server'))),
  )
  return versions.length > 0 && versions.every((version) => version >= SHARDED_SINCE) ? 'sharded' : 'plain'
}

/** Servers at which subscriptions can begin, in any order: of a Cluster the masters that are known now. */
export function placesOf(client: RedisClient): Place[] {
  if (!(client instanceof Cluster)) return [ONLY]
  const places = client
    .nodes('master')
    .map(({ options: { host, port } }): Place => `${host ?? '127.0.0.1'}:${port ?? 6379}`)
  const at = Math.floor(Math.random() * places.length)
  return [...places.slice(at), ...places.slice(0, at)]
}

/** How to reach a place. */
export function settingsAt(settings: RedisSettings, place: Place): RedisSettings {
  if (settings.kind !== 'cluster') return settings
  const { username, password, tls } = settings
  const colon = place.lastIndexOf(':')
  return {
    kind: 'standalone',
    address: { host: place.slice(0, colon), port: Number(place.slice(colon + 1)) },
    db: 0,
    tls,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  }
}

/** Of what INFO answers; Valkey names there a version of Redis that it is compatible with. */
function majorVersion(info: string): number {
  return Number(/^redis_version:(\d+)/m.exec(info)?.[1] ?? 0)
}
