import { setTimeout as sleep } from 'node:timers/promises'
import { LogError } from '../event-log.ts'
import { type Brokers, REQUEST_MS, type TopicMetadata } from './brokers.ts'
import { BrokerError, CODE, codeOf, isPassing, logError } from './kafka-error.ts'
import type { OnTrouble } from './trouble.ts'

/** What a record's headers, lengths and batch may take beside what counts in `maxRecordBytes`. */
export const RECORD_SLACK_BYTES = 16_384
/** How long a topic that was just made may have no leaders. */
const LEADERS_MS = 10_000
const POLL_MS = 50

export interface TopicSettings {
  readonly partitions: number
  readonly replicas: number
  readonly retentionMs: number
}

export interface TopicsOptions {
  readonly made: TopicSettings
  readonly maxRecordBytes: number
  readonly onTrouble: OnTrouble
}

/** A topic that can be appended to. */
export interface KnownTopic {
  readonly topic: string
  partitions: number
}

/** Makes topics where there are none, and looks at the settings of those that there are. */
export class Topics {
  readonly #brokers: Brokers
  readonly #options: TopicsOptions
  readonly #known = new Map<string, KnownTopic>()
  readonly #asked = new Map<string, Promise<KnownTopic>>()

  constructor(brokers: Brokers, options: TopicsOptions) {
    this.#brokers = brokers
    this.#options = options
  }

  /** A topic that was found or made before. */
  known(topic: string): KnownTopic | undefined {
    return this.#known.get(topic)
  }

  get names(): string[] {
    return [...this.#known.keys()]
  }

  /** Rejects with a LogError: LOG_MISCONFIGURED, LOG_UNAVAILABLE. */
  async ensure(topic: string): Promise<KnownTopic> {
    const known = this.#known.get(topic)
    if (known !== undefined) return known
    let asked = this.#asked.get(topic)
    if (asked === undefined) {
      asked = this.#ensure(topic).finally(() => this.#asked.delete(topic))
      this.#asked.set(topic, asked)
    }
    return asked
  }

  /** The topic may be gone: the next who wants it makes it. */
  forget(topic: string): void {
    this.#known.delete(topic)
  }

  /** Takes note of partitions that were added, and of topics that are gone. */
  found(topics: readonly TopicMetadata[]): void {
    const counts = new Map(topics.map(({ topic, partitions }) => [topic, partitions.length]))
    for (const known of this.#known.values()) {
      known.partitions = counts.get(known.topic) ?? 0
      if (known.partitions === 0) this.#known.delete(known.topic)
    }
  }

  async #ensure(topic: string): Promise<KnownTopic> {
    try {
      let [found] = await this.#brokers.topics([topic])
      if (found === undefined) await this.#make(topic)
      found = await this.#withLeaders(topic)
      await this.#check(topic)
      const known: KnownTopic = { topic, partitions: found.partitions.length }
      this.#known.set(topic, known)
      return known
    } catch (error) {
      throw logError(`cannot use the topic ${topic}`, error)
    }
  }

  async #make(topic: string): Promise<void> {
    const { made, maxRecordBytes } = this.#options
    const config = {
      'cleanup.policy': 'delete',
      'retention.ms': made.retentionMs,
      'max.message.bytes': maxRecordBytes + RECORD_SLACK_BYTES,
      // When the log took it, by one clock: that of the partition's leader.
      'message.timestamp.type': 'LogAppendTime',
      'compression.type': 'producer',
      // What is acknowledged is then on two brokers at least.
      'min.insync.replicas': made.replicas >= 3 ? 2 : 1,
    }
    const request = {
      topics: [
        {
          topic,
          numPartitions: made.partitions,
          replicationFactor: made.replicas,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value: String(value) })),
        },
      ],
      timeout: REQUEST_MS,
    }
    try {
      const controller = await this.#brokers.controller()
      await controller.request('CreateTopics', request, 2 * REQUEST_MS)
    } catch (error) {
      const code = createCode(error)
      if (code === CODE.topicAlreadyExists) return
      if (code === undefined) throw error
      throw new BrokerError(
        code,
        `cannot make it with ${made.partitions} partitions of ${made.replicas} replicas`,
      )
    }
  }

  async #withLeaders(topic: string): Promise<TopicMetadata> {
    const until = Date.now() + LEADERS_MS
    for (;;) {
      const [found] = await this.#brokers.topics([topic])
      const { partitions } = found ?? { partitions: [] }
      if (
        found !== undefined &&
        partitions.length > 0 &&
        partitions.every(({ leader }) => leader !== undefined)
      ) {
        return found
      }
      if (Date.now() > until) throw new Error('its partitions have no leaders')
      await sleep(POLL_MS)
    }
  }

  async #check(topic: string): Promise<void> {
    const { made, maxRecordBytes, onTrouble } = this.#options
    let config: ReadonlyMap<string, string>
    try {
      config = await this.#config(topic)
    } catch (error) {
      if (codeOf(error) === undefined || isPassing(codeOf(error)!)) throw error
      const { message } = error as Error
      onTrouble({
        kind: 'topic',
        message: `the settings of the topic ${topic} cannot be looked at: ${message}`,
      })
      return
    }
    const policy = config.get('cleanup.policy') ?? 'delete'
    if (policy.includes('compact')) {
      const message = `the topic ${topic} has cleanup.policy=${policy}, which deletes all but the newest record of a proxy: set it to delete`
      throw new LogError('LOG_MISCONFIGURED', message)
    }
    const needed = maxRecordBytes + RECORD_SLACK_BYTES
    const largest = Number(config.get('max.message.bytes') ?? needed)
    if (largest < needed) {
      const message = `the topic ${topic} has max.message.bytes=${largest}, less than the ${needed} that records of up to ${maxRecordBytes} bytes need: raise it, or lower the record limit`
      throw new LogError('LOG_MISCONFIGURED', message)
    }
    for (const message of doubtsOf(topic, config, made.retentionMs)) onTrouble({ kind: 'topic', message })
  }

  async #config(topic: string): Promise<ReadonlyMap<string, string>> {
    const controller = await this.#brokers.controller()
    const configNames = [
      'cleanup.policy',
      'max.message.bytes',
      'retention.ms',
      'retention.bytes',
      'unclean.leader.election.enable',
    ]
    const { resources } = await controller.request<{
      readonly resources: readonly {
        readonly configEntries: readonly {
          readonly configName: string
          readonly configValue: string | null
        }[]
      }[]
    }>('DescribeConfigs', { resources: [{ type: TOPIC, name: topic, configNames }] }, REQUEST_MS)
    return new Map(
      resources.flatMap(({ configEntries }) =>
        configEntries.flatMap(({ configName, configValue }) =>
          configValue === null ? [] : [[configName, configValue]],
        ),
      ),
    )
  }
}

/** What a topic's settings may cost, though records can be written and read: it is told of. */
function doubtsOf(topic: string, config: ReadonlyMap<string, string>, wantedMs: number): string[] {
  const lost = 'what is older cannot be counted again if the store loses it'
  const doubts: string[] = []
  const retentionMs = Number(config.get('retention.ms') ?? -1)
  if (retentionMs >= 0 && retentionMs < wantedMs) {
    doubts.push(
      `the topic ${topic} keeps records for retention.ms=${retentionMs}, less than the ${wantedMs} that were asked for: ${lost}`,
    )
  }
  const retentionBytes = Number(config.get('retention.bytes') ?? -1)
  if (retentionBytes >= 0) {
    doubts.push(
      `the topic ${topic} keeps retention.bytes=${retentionBytes} a partition, which may be less than the ${wantedMs} ms that were asked for: ${lost}`,
    )
  }
  if (config.get('unclean.leader.election.enable') === 'true') {
    doubts.push(
      `the topic ${topic} has unclean.leader.election.enable=true: when brokers fail it may lose records that were acknowledged`,
    )
  }
  return doubts
}

/** Of DescribeConfigs: a topic's settings. */
const TOPIC = 2

/** kafkajs gathers what went wrong with the topics of a request. */
function createCode(error: unknown): number | undefined {
  const errors: unknown = error instanceof Error && 'errors' in error ? error.errors : undefined
  return codeOf(Array.isArray(errors) ? errors[0] : error)
}
