import kafkajs from 'kafkajs'
import { headersOf, type NumberedBatch, pause, type Send } from './numbered-producer.ts'
import { PARTITIONS, TOPIC } from './system.ts'

/** How long Kafka may take to answer; a batch whose answer does not come is sent again. */
const PATIENCE_MS = 5_000

const TRIES = 6

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
    for (let tries = 1; ; tries++) {
      // A request that was under way when the broker was killed may never be answered.
      const late = pause(2 * PATIENCE_MS).then(() => undefined)
      const offsets = await Promise.race([this.#admin.fetchTopicOffsets(TOPIC).catch(() => undefined), late])
      if (offsets?.length === PARTITIONS) {
        return new Map(offsets.map(({ partition, high }) => [`${TOPIC}-${partition}`, Number(high)]))
      }
      if (tries === TRIES)
        throw new Error(`Kafka does not say where the ${PARTITIONS} partitions of ${TOPIC} end`)
      await pause(1_000)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#producer.disconnect(), this.#admin.disconnect()])
  }
}
