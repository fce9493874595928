import kafkajs from 'kafkajs'
import { headersOf, type NumberedBatch, type Send } from './numbered-producer.ts'
import { PARTITIONS, TOPIC } from './system.ts'

/** How long Kafka may take to answer; a batch whose answer does not come is sent again. */
const PATIENCE_MS = 5_000

/** A producer of Kafka's protocol that is not meshtap's, and that asks how far the topic goes. */
export class KafkaClient {
  readonly #producer: kafkajs.Producer
  readonly #admin: kafkajs.Admin

  private constructor(producer: kafkajs.Producer, admin: kafkajs.Admin) {
    this.#producer = producer
    this.#admin = admin
  }

  static async connect(brokers: string): Promise<KafkaClient> {
    const kafka = new kafkajs.Kafka({
      clientId: 'chaos',
      brokers: [brokers],
      logLevel: kafkajs.logLevel.NOTHING,
      requestTimeout: PATIENCE_MS,
      connectionTimeout: 1_000,
      // Batches are repeated by who numbers them.
      retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 500 },
    })
    const producer = kafka.producer({
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
    })
    const admin = kafka.admin()
    await Promise.all([producer.connect(), admin.connect()])
    return new KafkaClient(producer, admin)
  }

  /** Produces records as docs/protocol.md has them, keyed by the producer so that its batches are in one partition. */
  send(format: 'json' | 'batch'): Send {
    return async (batch: NumberedBatch) => {
      await this.#producer.send({
        topic: TOPIC,
        acks: -1,
        messages: [
          { key: batch.producer, value: Buffer.from(batch.body), headers: headersOf(batch, format) },
        ],
      })
    }
  }

  /** The offset after the last record of each partition, by partition. */
  async endOffsets(): Promise<ReadonlyMap<string, number>> {
    const offsets = await this.#admin.fetchTopicOffsets(TOPIC)
    if (offsets.length !== PARTITIONS) throw new Error(`${TOPIC} has ${offsets.length} partitions`)
    return new Map(offsets.map(({ partition, high }) => [`${TOPIC}-${partition}`, Number(high)]))
  }

  async close(): Promise<void> {
    await Promise.all([this.#producer.disconnect(), this.#admin.disconnect()])
  }
}
