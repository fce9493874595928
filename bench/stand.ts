import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RoleProcess } from '../chaos/role-process.ts'
import { KafkaEventLog } from '../src/log/kafka/kafka-event-log.ts'
import { parseRedisUrl } from '../src/redis/redis-url.ts'
import { decodeStatBlock } from '../src/rollup/stat-block-codec.ts'
import { RedisRollupStore } from '../src/store/redis/redis-rollup-store.ts'
import { freePort } from '../stack/free-port.ts'
import { type KafkaServer, startKafka } from '../stack/kafka.ts'
import { onPath } from '../stack/commands.ts'
import { type RedisServer, startRedis } from '../stack/redis.ts'

const MAIN = join(import.meta.dirname, '../dist/main.js')
/** One is measured, and what it needs runs on the others. */
const MEASURED_CORE = 0
const OTHER_CORES = `1-${cpus().length - 1}`
const TICKS_A_SECOND = 100
const POLL_MS = 20
const COMMIT_LIMIT_MS = 120_000
const RECORD_BYTES = 1_000_000

export interface StandOptions {
  readonly partitions: number
  /** Program of the roles, instead of the built one. */
  readonly main?: string
}

/** Kafka and Redis of its own on this machine, and roles as processes that read and write them. */
export class Stand {
  readonly directory: string
  readonly kafka: KafkaServer
  readonly redis: RedisServer
  /** To fill topics with. */
  readonly log: KafkaEventLog
  /** To look at what was committed. */
  readonly store: RedisRollupStore
  readonly #options: StandOptions
  readonly #roles: RoleProcess[] = []

  private constructor(
    directory: string,
    servers: { kafka: KafkaServer; redis: RedisServer },
    ports: { log: KafkaEventLog; store: RedisRollupStore },
    options: StandOptions,
  ) {
    this.directory = directory
    this.kafka = servers.kafka
    this.redis = servers.redis
    this.log = ports.log
    this.store = ports.store
    this.#options = options
  }

  /** Starts the servers, gives them to `work`, and ends all that runs, however the work ends. */
  static async use(options: StandOptions, work: (stand: Stand) => Promise<void>): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
    const ends: (() => Promise<void>)[] = [async () => rmSync(directory, { recursive: true, force: true })]
    try {
      const kafka = await startKafka({ directory: join(directory, 'kafka') })
      ends.push(() => kafka.kill())
      const redis = await startRedis({ directory: join(directory, 'redis') })
      ends.push(() => redis.kill())
      const log = await KafkaEventLog.open({
        connection: { brokers: kafka.brokers.split(','), clientId: 'bench' },
        group: 'bench',
        topics: { partitions: options.partitions, replicas: 1, retentionMs: 86_400_000 },
        maxRecordBytes: RECORD_BYTES,
        compression: 'lz4',
        lingerMs: 5,
        sessionTimeoutMs: 10_000,
        onTrouble: ({ message }) => process.stderr.write(`${message}\n`),
        appendTimeoutMs: 60_000,
      })
      ends.push(() => log.close())
      const store = await RedisRollupStore.open({ redis: parseRedisUrl(redis.url) })
      ends.push(() => store.close())
      const stand = new Stand(directory, { kafka, redis }, { log, store }, options)
      ends.push(() => stand.#endRoles())
      await work(stand)
    } finally {
      for (const end of ends.toReversed()) await end()
    }
  }

  /** A role with these settings, which is not started yet. Where it listens is set already. */
  async role(
    command: 'aggregator' | 'gateway' | 'ingest',
    settings: Readonly<Record<string, string>> = {},
    nodeFlags: readonly string[] = [],
  ): Promise<RoleProcess & { readonly url: string }> {
    const address = `127.0.0.1:${await freePort()}`
    const all = { ...this.#settings(command, address), ...settings }
    const flags = Object.entries(all).flatMap(([flag, value]) => [`--${flag}`, value])
    const name = `${command}-${this.#roles.length + 1}`
    const role = new RoleProcess({
      name,
      args: [...nodeFlags, this.#options.main ?? MAIN, command, ...flags],
      statusUrl: `http://${address}`,
      logFile: join(this.directory, `${name}.log`),
    })
    this.#roles.push(role)
    return Object.assign(role, { url: `http://${address}` })
  }

  #settings(command: 'aggregator' | 'gateway' | 'ingest', address: string): Record<string, string> {
    const [kafka, redis] = [this.kafka.brokers, this.redis.url]
    switch (command) {
      case 'aggregator':
        return { kafka, redis, 'status-listen': address }
      case 'gateway':
        return { redis, listen: address }
      case 'ingest':
        return { kafka, 'ingest-listen': address }
    }
  }

  /** Lets the servers run beside the measured core, where this machine can be told so. */
  pinServers(): void {
    pin(this.kafka.pid, OTHER_CORES)
    pin(this.redis.pid, OTHER_CORES)
  }

  /** Resolves when a partition is claimed. */
  async claimed(): Promise<void> {
    while ((await this.store.partitions()).length === 0) await sleep(2)
  }

  /** Resolves when every partition of `topic` is committed up to `offset`. Rejects where that takes too long. */
  async committed(topic: string, offset: number): Promise<void> {
    const untilMs = performance.now() + COMMIT_LIMIT_MS
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      while (((await this.store.read(`${topic}-${partition}`, () => []))?.meta.offset ?? 0) < offset) {
        const deaths = this.#roles.flatMap(({ deaths }) => deaths)
        if (deaths.length > 0) throw new Error(deaths.join('; '))
        if (performance.now() > untilMs) throw new Error(`${topic} is not committed up to ${offset}`)
        await sleep(POLL_MS)
      }
    }
  }

  /** Requests that the store has counted: in the totals, and in open buckets, which are not in the totals yet. */
  async storedRequests(): Promise<number> {
    let requests = 0
    for (const partition of await this.store.partitions()) {
      const snapshot = await this.store.read(partition, ({ openMs }) => [
        { address: { kind: 'total' } },
        ...openMs.map((startMs) => ({ address: { kind: 'stat', tier: '10s', startMs } as const })),
      ])
      for (const { blob } of snapshot?.blobs ?? []) {
        for (const count of decodeStatBlock(blob).outcomeCount) requests += count
      }
    }
    return requests
  }

  async #endRoles(): Promise<void> {
    await Promise.all(this.#roles.map((role) => role.kill()))
  }
}

/** Keeps a process on the measured core. */
export function pinMeasured(pid: number): void {
  pin(pid, String(MEASURED_CORE))
}

function pin(pid: number, cores: string): void {
  const taskset = onPath('taskset')
  if (taskset === undefined || cpus().length < 2) return
  execFileSync(taskset, ['--all-tasks', '--pid', '--cpu-list', cores, String(pid)], { stdio: 'ignore' })
}

/** Seconds of processor time that a process has used, all its threads together; of Linux only. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
}
