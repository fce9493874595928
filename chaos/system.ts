import { join } from 'node:path'
import { freePort } from '../stack/free-port.ts'
import { type KafkaServer, startKafka } from '../stack/kafka.ts'
import { type RedisServer, startRedis } from '../stack/redis.ts'
import { WITH_TIMESTAMPS } from './redis-tail.ts'
import { RoleProcess } from './role-process.ts'

export const TOPIC = 'mesh.requests'
export const PARTITIONS = 8

/** Shorter than by default, so that what a fault leaves behind is over soon. */
const SESSION_TIMEOUT_MS = 3_000

/** The program that every role is. */
const MAIN = new URL('../src/main.ts', import.meta.url).pathname

/** What a worker's log calls a commit that was refused because another has claimed the partition since. */
export const REFUSED = 'partition-stale-epoch'
/** … and one that was refused because the store is not where the worker left it. */
export const MOVED = 'partition-store-moved'

export interface SystemOptions {
  /** Holds the data and the logs of everything. */
  readonly directory: string
  readonly aggregators: number
}

/** Kafka, Redis and every role of meshtap, each a process of its own on this machine. */
export class System {
  readonly directory: string
  readonly kafka: KafkaServer
  readonly redis: RedisServer
  readonly ingest: RoleProcess
  readonly gateway: RoleProcess
  readonly ingestUrl: string
  readonly gatewayUrl: string
  /** Those that are meant to run. */
  readonly aggregators: RoleProcess[] = []
  /** Those that ran once, and those that run. */
  readonly #all: RoleProcess[] = []
  #aggregatorsMade = 0

  private constructor(
    { directory }: SystemOptions,
    kafka: KafkaServer,
    redis: RedisServer,
    ports: { readonly ingest: number; readonly gateway: number },
  ) {
    this.directory = directory
    this.kafka = kafka
    this.redis = redis
    this.ingestUrl = `http://127.0.0.1:${ports.ingest}`
    this.gatewayUrl = `http://127.0.0.1:${ports.gateway}`
    this.ingest = this.#role('ingest', 'ingest', this.ingestUrl, {
      kafka: kafka.brokers,
      'kafka-partitions': String(PARTITIONS),
      'ingest-listen': `127.0.0.1:${ports.ingest}`,
      'grpc-listen': 'off',
    })
    this.gateway = this.#role('gateway', 'gateway', this.gatewayUrl, {
      redis: redis.url,
      listen: `127.0.0.1:${ports.gateway}`,
    })
  }

  static async start(options: SystemOptions): Promise<System> {
    const { directory, aggregators } = options
    const [kafka, redis] = await Promise.all([
      startKafka({
        directory: join(directory, 'kafka'),
        properties: { 'group.min.session.timeout.ms': '1000' },
      }),
      startRedis({ directory: join(directory, 'redis'), options: WITH_TIMESTAMPS }),
    ])
    const ports = { ingest: await freePort(), gateway: await freePort() }
    const system = new System(options, kafka, redis, ports)
    try {
      system.ingest.start()
      await system.ingest.ready()
      system.gateway.start()
      for (let i = 0; i < aggregators; i++) (await system.addAggregator()).start()
      await Promise.all([system.gateway, ...system.aggregators].map((role) => role.ready()))
      return system
    } catch (error) {
      await system.close()
      throw error
    }
  }

  /** A further aggregator, which is not started yet. */
  async addAggregator(): Promise<RoleProcess> {
    const port = await freePort()
    const role = this.#role(
      `aggregator ${++this.#aggregatorsMade}`,
      'aggregator',
      `http://127.0.0.1:${port}`,
      {
        kafka: this.kafka.brokers,
        'kafka-partitions': String(PARTITIONS),
        'kafka-session-timeout': `${SESSION_TIMEOUT_MS}ms`,
        redis: this.redis.url,
        flush: '500ms',
        'status-listen': `127.0.0.1:${port}`,
      },
    )
    this.aggregators.push(role)
    return role
  }

  /** How long a worker must be silent until its partitions are given to another, and a little. */
  get sessionMs(): number {
    return SESSION_TIMEOUT_MS + 500
  }

  get redisDirectory(): string {
    return join(this.directory, 'redis')
  }

  /** Troubles of one kind that any role ever spoke of. */
  troubles(kind: string): number {
    return this.#all.reduce((sum, role) => sum + (role.troubles.get(kind) ?? 0), 0)
  }

  /** Roles that ended though nobody killed them. */
  deaths(): string[] {
    return this.#all.flatMap(({ deaths }) => deaths)
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((role) => role.kill()))
    await Promise.all([this.kafka.kill(), this.redis.kill()])
  }

  #role(
    name: string,
    command: string,
    statusUrl: string,
    settings: Readonly<Record<string, string>>,
  ): RoleProcess {
    const flags = Object.entries({ ...settings, 'log-format': 'json' }).flatMap(([flag, value]) => [
      `--${flag}`,
      value,
    ])
    const role = new RoleProcess({
      name,
      args: [MAIN, command, ...flags],
      statusUrl,
      logFile: join(this.directory, `${name.replaceAll(' ', '-')}.log`),
    })
    this.#all.push(role)
    return role
  }
}
