import { parseRedisUrl } from '../redis/redis-url.ts'
import { settingsOf } from './setting.ts'

const { required } = settingsOf('redis')

/** Redis, where rollups and taps are. */
export const REDIS_SETTINGS = {
  redis: {
    ...required(
      'redis',
      { placeholder: '<url>', parse: parseRedisUrl },
      'URL of the store: redis://[user:password@]host:port[/db]; redis+sentinel:// and redis+cluster:// take ' +
        'several hosts; rediss for TLS',
    ),
    secrecy: 'url',
    fileAlias: 'redis-url',
  },
} as const
