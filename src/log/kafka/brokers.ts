import protocol from 'kafkajs/src/protocol/requests/index.js'
import { BrokerConnection } from './broker-connection.ts'
import { type BrokerAddress, brokerAddress, type KafkaConnection } from './kafka-connection.ts'
import { BrokerError } from './kafka-error.ts'
import { ReusableMemory } from './reusable-memory.ts'

/** How long an answer may take of which nothing else says how long. */
export const REQUEST_MS = 5_000

/** What is known of a topic. A partition whose leader is being chosen has none. */
export interface TopicMetadata {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly leader: number | undefined }[]
}

interface MetadataAnswer {
  readonly brokers: readonly (BrokerAddress & { readonly nodeId: number })[]
  readonly controllerId: number
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number
    readonly topic: string
    readonly isInternal: boolean
    readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[]
  }[]
}

/**
 * The brokers of a cluster, their connections, and who leads which partition. Connections are made by purpose, since a
 * broker answers those of one connection in turn; there are at most as many as brokers times purposes.
 */
export class Brokers {
  /** What their answers are read into. */
  readonly memory = new ReusableMemory()
  readonly #connection: KafkaConnection
  readonly #seeds: readonly BrokerAddress[]
  readonly #nodes = new Map<number, BrokerAddress>()
  readonly #leaders = new Map<string, number>()
  readonly #connections = new Map<string, BrokerConnection>()
  #controller: number | undefined
  #isClosed = false
  #refreshing: Promise<unknown> | undefined
  #turn = 0

  constructor(connection: KafkaConnection) {
    this.#connection = connection
    this.#seeds = connection.brokers.map(brokerAddress)
    if (this.#seeds.length === 0) throw new RangeError('there must be at least one broker to ask')
  }

  /** The leader of a partition as it was known last. */
  leader(topic: string, partition: number): number | undefined {
    return this.#leaders.get(`${topic}-${partition}`)
  }

  /** The connection to a broker for a purpose. Throws where no such broker is known. */
  node(id: number, purpose: string): BrokerConnection {
    const address = this.#nodes.get(id)
    if (address === undefined) throw new Error(`the broker ${id} is not known`)
    return this.#to(address, purpose)
  }

  /** The broker that makes topics. */
  async controller(): Promise<BrokerConnection> {
    if (this.#controller === undefined || !this.#nodes.has(this.#controller)) await this.topics([])
    return this.node(this.#controller ?? this.#nodes.keys().next().value ?? -1, 'control')
  }

  /** Asks the group's coordinator. */
  async coordinator(group: string): Promise<number> {
    return this.#ask(async (connection) => {
      const { coordinator } = await connection.request<{
        coordinator: BrokerAddress & { readonly nodeId: number }
      }>('GroupCoordinator', { groupId: group }, REQUEST_MS)
      const { nodeId, host, port } = coordinator
      this.#nodes.set(nodeId, { host, port })
      return nodeId
    })
  }

  /** Topics of these names that exist, or all there are but Kafka's own. Learns brokers and leaders. */
  async topics(names: readonly string[] | 'all'): Promise<readonly TopicMetadata[]> {
    const { topicMetadata } = await this.#ask((connection) => this.#metadata(connection, names))
    const found: TopicMetadata[] = []
    for (const { topic, topicErrorCode, isInternal, partitionMetadata } of topicMetadata) {
      if (isInternal || topicErrorCode === 3) continue
      // 5: a leader is missing, which the partitions say as well.
      if (topicErrorCode !== 0 && topicErrorCode !== 5) {
        if (names === 'all' || names.length === 0) continue
        throw new BrokerError(topicErrorCode, `cannot read what there is of the topic ${topic}`)
      }
      const partitions = partitionMetadata
        .map(({ partitionId, leader }) => ({
          partition: partitionId,
          leader: leader < 0 ? undefined : leader,
        }))
        .sort((a, b) => a.partition - b.partition)
      found.push({ topic, partitions })
    }
    return found
  }

  /** Learns anew who leads these topics. Calls at once share one request. */
  async refresh(topics: readonly string[]): Promise<void> {
    while (this.#refreshing !== undefined) await this.#refreshing.catch(() => undefined)
    this.#refreshing = this.topics(topics).finally(() => (this.#refreshing = undefined))
    await this.#refreshing
  }

  /** Closes the connections of a purpose. */
  release(purpose: string): void {
    for (const [key, connection] of this.#connections) {
      if (!key.endsWith(` ${purpose}`)) continue
      connection.close()
      this.#connections.delete(key)
    }
  }

  close(): void {
    this.#isClosed = true
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  async #metadata(connection: BrokerConnection, names: readonly string[] | 'all'): Promise<MetadataAnswer> {
    // kafkajs writes an empty list as that of all topics; a topic without a name is none.
    const made = protocol.requests['Metadata']!.protocol({ version: 6 })({
      topics: names === 'all' ? [] : names.length === 0 ? [''] : names,
      allowAutoTopicCreation: false,
    })
    const response = { decode: made.response.decode, parse: async (decoded: unknown) => decoded }
    const answer = await connection.send<MetadataAnswer>({ request: made.request, response }, REQUEST_MS)
    const known = new Set(answer.brokers.map(({ nodeId }) => nodeId))
    for (const id of this.#nodes.keys()) if (!known.has(id)) this.#nodes.delete(id)
    for (const { nodeId, host, port } of answer.brokers) this.#nodes.set(nodeId, { host, port })
    this.#controller = answer.controllerId < 0 ? undefined : answer.controllerId
    for (const { topic, partitionMetadata } of answer.topicMetadata) {
      for (const { partitionId, leader } of partitionMetadata) {
        if (leader < 0) this.#leaders.delete(`${topic}-${partitionId}`)
        else this.#leaders.set(`${topic}-${partitionId}`, leader)
      }
    }
    return answer
  }

  /** Asks one broker after the other, those that are known first, until one answers. */
  async #ask<T>(ask: (connection: BrokerConnection) => Promise<T>): Promise<T> {
    const addresses = [...this.#nodes.values(), ...this.#seeds]
    const seen = new Set<string>()
    let failure: unknown = new Error('there is no broker to ask')
    this.#turn++
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[(i + this.#turn) % addresses.length]!
      const name = `${address.host}:${address.port}`
      if (seen.has(name)) continue
      seen.add(name)
      try {
        return await ask(this.#to(address, 'control'))
      } catch (error) {
        failure = error
        if (this.#isClosed) break
      }
    }
    throw failure
  }

  #to(address: BrokerAddress, purpose: string): BrokerConnection {
    if (this.#isClosed) throw new Error('the connections are closed')
    const key = `${address.host}:${address.port} ${purpose}`
    const found = this.#connections.get(key)
    if (found?.isUsable === true) return found
    const made = new BrokerConnection(address, this.#connection, this.memory)
    this.#connections.set(key, made)
    return made
  }
}
