import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort } from './free-port.ts'
import { redisBinary, type RedisKind } from './redis-binary.ts'
import { type RunningServer, runningServer } from './running-server.ts'
import { ServerProcess, ServerStartError } from './server-process.ts'

export interface RedisOptions {
  /** Holds data, settings and log of the server. What an earlier one left there is served again. */
  readonly directory: string
  /** A free one by default. */
  readonly port?: number
  /** Lines of redis.conf, over those that it has by default (append-only file, synced every second). */
  readonly options?: Readonly<Record<string, string>>
  /** Redis or Valkey; what is there by default. */
  readonly binary?: RedisKind
}

export interface RedisServer extends RunningServer {
  /** `redis://127.0.0.1:port` */
  readonly url: string
  readonly port: number
}

export interface RedisClusterServers {
  /** `redis+cluster://127.0.0.1:port,…` */
  readonly url: string
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

export interface RedisSentinelServers {
  /** `redis+sentinel://127.0.0.1:port/name` */
  readonly url: string
  /** As which the sentinel knows the master. */
  readonly name: string
  /** The master at first. */
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly sentinel: RedisServer
  stop(): Promise<void>
}

const TRIES = 3
const SETTLE_TIMEOUT_MS = 20_000
const SLOTS = 16_384
const SENTINEL_NAME = 'meshtap'

/**
 * Starts `redis-server`, or a Valkey in its place.
 *
 * @throws MissingPartError where there is none and none can be fetched
 * @throws ServerStartError where it does not come up; with the end of its log
 */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  return startServer(options, {
    args: [],
    readyText: 'Ready to accept connections',
    defaults: { save: '""', appendonly: 'yes', appendfsync: 'everysec' },
  })
}

/** Starts masters that share the slots evenly, without replicas. */
export async function startRedisCluster(
  options: Omit<RedisOptions, 'port'> & { readonly masters: number },
): Promise<RedisClusterServers> {
  const { masters, directory, options: settings, ...rest } = options
  const nodes: RedisServer[] = []
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    for (let i = 0; i < masters; i++) {
      nodes.push(
        await startRedis({
          ...rest,
          directory: join(directory, `node-${i + 1}`),
          options: { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000', ...settings },
        }),
      )
    }
    const first = (i: number) => Math.floor((i * SLOTS) / masters)
    for (const [i, { port }] of nodes.entries()) {
      const slots = Array.from({ length: first(i + 1) - first(i) }, (_, slot) => first(i) + slot)
      await call(port, 'CLUSTER', 'ADDSLOTS', ...slots)
      await call(port, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    }
    for (const { port } of nodes.slice(1)) await call(nodes[0]!.port, 'CLUSTER', 'MEET', '127.0.0.1', port)
    for (const { port } of nodes) {
      await until(`the cluster of ${masters} masters`, async () => {
        const info = String(await call(port, 'CLUSTER', 'INFO'))
        return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${masters}`)
      })
    }
    return { url: `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, nodes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Starts a master, a replica of it, and a sentinel that makes the replica the master within some seconds. */
export async function startSentinel(options: {
  readonly directory: string
  readonly binary?: RedisKind
}): Promise<RedisSentinelServers> {
  const { directory, ...rest } = options
  const started: RedisServer[] = []
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()))
  }
  try {
    // A replica is sent the data at once, not after the usual wait for others.
    const server = { 'repl-diskless-sync-delay': '0' }
    const master = await startRedis({ ...rest, directory: join(directory, 'master'), options: server })
    started.push(master)
    const replica = await startRedis({
      ...rest,
      directory: join(directory, 'replica'),
      options: { ...server, replicaof: `127.0.0.1 ${master.port}` },
    })
    started.push(replica)
    await until('the replica', async () =>
      String(await call(replica.port, 'INFO', 'replication')).includes('master_link_status:up'),
    )
    const sentinel = await startServer(
      {
        ...rest,
        directory: join(directory, 'sentinel'),
        options: {
          'sentinel monitor': `${SENTINEL_NAME} 127.0.0.1 ${master.port} 1`,
          'sentinel down-after-milliseconds': `${SENTINEL_NAME} 1000`,
          'sentinel failover-timeout': `${SENTINEL_NAME} 5000`,
        },
      },
      { args: ['--sentinel'], readyText: '+monitor master', defaults: {} },
    )
    started.push(sentinel)
    await until('the sentinel', async () => {
      const replicas = (await call(sentinel.port, 'SENTINEL', 'REPLICAS', SENTINEL_NAME)) as string[][]
      const [known] = replicas
      return known?.[known.indexOf('master-link-status') + 1] === 'ok'
    })
    const url = `redis+sentinel://127.0.0.1:${sentinel.port}/${SENTINEL_NAME}`
    return { url, name: SENTINEL_NAME, master, replica, sentinel, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function startServer(
  options: RedisOptions,
  mode: { args: string[]; readyText: string; defaults: Record<string, string> },
): Promise<RedisServer> {
  const command = await redisBinary(options.binary)
  const { directory } = options
  mkdirSync(directory, { recursive: true })
  const settings = join(directory, 'redis.conf')
  const server = new ServerProcess({
    name: 'Redis',
    command,
    args: [settings, ...mode.args],
    logFile: join(directory, 'redis.log'),
    readyText: mode.readyText,
  })
  for (let tries = 1; ; tries++) {
    const port = options.port ?? (await freePort())
    // Written once, not at each start: Sentinel, and a replica that became the master, keep in it what they know.
    const all = {
      port: String(port),
      bind: '127.0.0.1',
      dir: `"${directory}"`,
      ...mode.defaults,
      ...options.options,
    }
    writeFileSync(
      settings,
      Object.entries(all)
        .map(([key, value]) => `${key} ${value}\n`)
        .join(''),
    )
    try {
      await server.start()
      return runningServer(server, { url: `redis://127.0.0.1:${port}`, port })
    } catch (error) {
      if (!(error instanceof ServerStartError && error.portTaken) || tries === TRIES) throw error
    }
  }
}

/** One command over a connection of its own. */
async function call(port: number, ...command: [string, ...(string | number)[]]): Promise<unknown> {
  const redis = new Redis({ port, host: '127.0.0.1', lazyConnect: true, enableReadyCheck: false })
  try {
    await redis.connect()
    return await redis.call(...command)
  } finally {
    redis.disconnect()
  }
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + SETTLE_TIMEOUT_MS; !(await done()); await sleep(50)) {
    if (Date.now() > end) throw new Error(`${what} did not settle within ${SETTLE_TIMEOUT_MS} ms`)
  }
}
