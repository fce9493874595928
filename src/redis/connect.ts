import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import { redisFailure, withoutCommand } from './redis-failure.ts'
import type { RedisSettings } from './redis-url.ts'

export type RedisClient = Redis | Cluster

export interface RedisConnectionOptions {
  /** How the server's CLIENT LIST calls the connection: no spaces. */
  readonly name: string
  /** Longest wait for a connection, and for an answer. */
  readonly timeoutMs: number
  /** Told of every failure of the connection, which then is made again. */
  readonly onError: (error: Error) => void
  /** Of a Cluster: connections of its own for sharded pub/sub. */
  readonly shardedSubscribers?: boolean
}

/** Longest wait before connecting again. */
const MAX_BACKOFF_MS = 1000

/** How often the table of a Cluster's slots is read anew, besides when a node says that it is wrong. */
const SLOTS_REFRESH_MS = 10_000

/**
 * Connects, and resolves when commands can be sent. Rejects when that takes longer than `timeoutMs`, or at once when
 * the user or password is refused.
 *
 * The connection is made again for as long as it is not closed, following Sentinels and the slots of a Cluster. What
 * is sent while there is none fails at once: nothing queues. What was sent and not answered when a connection
 * breaks fails too, and may have been done. A server that leaves a command unanswered for `timeoutMs` is disconnected.
 */
export async function connectRedis(
  settings: RedisSettings,
  options: RedisConnectionOptions,
): Promise<RedisClient> {
  const client = newClient(settings, options)
  let timer: NodeJS.Timeout | undefined
  let latest: Error | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error) => {
        latest = withoutCommand(error)
        options.onError(latest)
        if (redisFailure(error)?.kind === 'refused') reject(error)
      }
      client.on('error', failed)
      if (client.isCluster) client.on('node error', failed)
      client.once('ready', resolve)
      timer = setTimeout(() => reject(latest ?? new Error('connect ETIMEDOUT')), options.timeoutMs)
    })
    return client
  } catch (error) {
    client.disconnect()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Closes a connection, waiting no longer than `timeoutMs` for what is under way. */
export async function disconnectRedis(client: RedisClient, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  // That it cannot be told goodbye is no reason not to leave.
  await Promise.race([client.quit().catch(() => undefined), late])
  clearTimeout(timer)
  client.disconnect()
}

function newClient(settings: RedisSettings, options: RedisConnectionOptions): RedisClient {
  const { name, timeoutMs, shardedSubscribers = false } = options
  const shared = {
    connectionName: name,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableClientInfo: true,
    ...(settings.username === undefined ? {} : { username: settings.username }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.tls ? { tls: {} } : {}),
  } satisfies RedisOptions
  const single = {
    ...shared,
    enableOfflineQueue: false,
    // A broken connection fails what it had not answered, rather than asking again: the answer may be another one.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // After a failover the connection may still be to the old master.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
    retryStrategy: backoff,
  } satisfies RedisOptions
  switch (settings.kind) {
    case 'standalone':
      return new Redis({ ...single, ...settings.address, db: settings.db })
    case 'sentinel':
      return new Redis({
        ...single,
        sentinels: settings.sentinels.map((address) => ({ ...address })),
        name: settings.masterName,
        db: settings.db,
        failoverDetector: true,
        sentinelCommandTimeout: timeoutMs,
        sentinelRetryStrategy: backoff,
        sentinelReconnectStrategy: backoff,
        ...(settings.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
        ...(settings.sentinelUsername === undefined ? {} : { sentinelUsername: settings.sentinelUsername }),
        ...(settings.sentinelPassword === undefined ? {} : { sentinelPassword: settings.sentinelPassword }),
      })
    case 'cluster': {
      const clusterOptions = {
        enableOfflineQueue: false,
        shardedSubscribers,
        clusterRetryStrategy: backoff,
        slotsRefreshTimeout: timeoutMs,
        slotsRefreshInterval: SLOTS_REFRESH_MS,
        redisOptions: { ...shared, maxRetriesPerRequest: 0 },
        // A certificate is for the node's name, so that must not be looked up here.
        ...(settings.tls ? { dnsLookup: asItIs } : {}),
      } satisfies ClusterOptions
      const nodes = settings.nodes.map((address) => ({ ...address }))
      return new Cluster(nodes, clusterOptions)
    }
  }
}

function asItIs(host: string, done: (error: null, address: string) => void): void {
  done(null, host)
}

function backoff(times: number): number {
  return Math.min(25 * 2 ** Math.min(times, 10), MAX_BACKOFF_MS) * (0.75 + Math.random() / 4)
}
