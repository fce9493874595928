import { LogError } from '../log/event-log.ts'
import { brokerAddress, type KafkaConnection } from '../log/kafka/kafka-connection.ts'
import { KafkaEventLog } from '../log/kafka/kafka-event-log.ts'
import type { BatchSink, NumberedBatch, SinkAnswer } from '../reporter/batch-sink.ts'
import { EVENT_BATCHES } from '../reporter/ingest-client.ts'

export interface KafkaSinkOptions extends Pick<KafkaConnection, 'tls' | 'sasl'> {
  /** `host:port` of brokers to ask first; the others are learned from them. */
  readonly brokers: readonly string[]
  /** `mesh.requests`, where it is left out. */
  readonly topic?: string
  /** `meshtap-reporter`, where it is left out. */
  readonly clientId?: string
  /** How records are compressed, `lz4` where it is left out. */
  readonly compression?: 'none' | 'gzip' | 'lz4' | 'zstd'
  /** How many replicas the topic is made with, where there is none: 1, where it is left out. */
  readonly replicas?: number
}

/** As roles have them that are not told otherwise. */
const DEFAULTS = { partitions: 8, retentionMs: 86_400_000, maxRecordBytes: 1_000_000 }

/**
 * A reporter's sink that writes records to Kafka itself, `meshtap/reporter-kafka`: acknowledged by every replica in sync, all
 * of a reporter's in one partition, where their numbers make a repeat count once.
 *
 * Kafka is first asked for when there is something to send; while it does not answer, batches wait. Throws a RangeError where
 * a broker's address is none.
 */
export function kafkaSink(options: KafkaSinkOptions): BatchSink {
  return new KafkaSink(options)
}

class KafkaSink implements BatchSink {
  readonly name: string
  readonly #options: KafkaSinkOptions
  readonly #topic: string
  #opening: Promise<KafkaEventLog> | undefined

  constructor(options: KafkaSinkOptions) {
    if (options.brokers.length === 0) throw new RangeError('a sink in Kafka needs the address of a broker')
    for (const broker of options.brokers) brokerAddress(broker)
    this.#options = options
    this.#topic = options.topic ?? 'mesh.requests'
    this.name = `topic ${this.#topic} of Kafka at ${options.brokers.join()}`
  }

  async send({ producer, bytes }: NumberedBatch): Promise<SinkAnswer> {
    try {
      const log = await (this.#opening ??= this.#open())
      const headers = { 'content-type': EVENT_BATCHES.contentType }
      await log.append(this.#topic, [{ key: producer, value: bytes, headers }])
      return { kind: 'accepted' }
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      const isRefused = error.code === 'LOG_RECORD_TOO_LARGE'
      return { kind: isRefused ? 'refused' : 'unavailable', why: error.message }
    }
  }

  async close(): Promise<void> {
    const log = await this.#opening?.catch(() => undefined)
    await log?.close()
  }

  async #open(): Promise<KafkaEventLog> {
    const {
      brokers,
      clientId = 'meshtap-reporter',
      tls,
      sasl,
      compression = 'lz4',
      replicas = 1,
    } = this.#options
    const { maxRecordBytes, ...topics } = DEFAULTS
    try {
      return await KafkaEventLog.open({
        connection: {
          brokers,
          clientId,
          ...(tls === undefined ? {} : { tls }),
          ...(sasl === undefined ? {} : { sasl }),
        },
        // Nothing is read.
        group: clientId,
        topics: { ...topics, replicas },
        maxRecordBytes,
        compression,
        lingerMs: 0,
        sessionTimeoutMs: 10_000,
        // What an append has to say of it comes with its rejection.
        onTrouble: () => undefined,
      })
    } catch (error) {
      this.#opening = undefined
      throw error
    }
  }
}
