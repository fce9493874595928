import type Connection from 'kafkajs/src/network/connection.js'
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js'
import protocol from 'kafkajs/src/protocol/requests/index.js'

/** Of the protocol: the newest that kafkajs reads. */
const VERSION = 7
const ACKS_OF_ALL = -1

export interface ProducedBatch {
  readonly topic: string
  readonly partition: number
  readonly batch: Buffer
}

export interface ProduceAnswer {
  readonly topics: readonly {
    readonly topicName: string
    readonly partitions: readonly { readonly partition: number; readonly errorCode: number }[]
  }[]
}

/**
 * Batches for one broker, at most one of a partition. They are encoded already, so that what is sent again is the same
 * to the byte; kafkajs would number the records anew.
 */
export function produceRequest(
  batches: readonly ProducedBatch[],
  timeoutMs: number,
): Connection.ProtocolRequest {
  const { response } = protocol.requests['Produce']!.protocol({ version: VERSION })({ topicData: [] })
  return {
    request: {
      apiKey: apiKeys['Produce']!,
      apiVersion: VERSION,
      apiName: 'Produce',
      encode: async () => encoded(batches, timeoutMs),
    },
    // Errors are of one partition each.
    response: { decode: response.decode, parse: async (decoded) => decoded },
  }
}

function encoded(batches: readonly ProducedBatch[], timeoutMs: number) {
  const topics = Map.groupBy(batches, ({ topic }) => topic)
  const parts: Buffer[] = [head(timeoutMs, topics.size)]
  for (const [topic, partitions] of topics) {
    const name = Buffer.from(topic)
    const opened = Buffer.allocUnsafe(2 + name.length + 4)
    opened.writeInt16BE(name.length, 0)
    name.copy(opened, 2)
    opened.writeInt32BE(partitions.length, 2 + name.length)
    parts.push(opened)
    for (const { partition, batch } of partitions) {
      const opened = Buffer.allocUnsafe(8)
      opened.writeInt32BE(partition, 0)
      opened.writeInt32BE(batch.length, 4)
      parts.push(opened, batch)
    }
  }
  const buffer = Buffer.concat(parts)
  return { buf: buffer, buffer, size: () => buffer.length }
}

function head(timeoutMs: number, topics: number): Buffer {
  const head = Buffer.allocUnsafe(12)
  // No transaction.
  head.writeInt16BE(-1, 0)
  head.writeInt16BE(ACKS_OF_ALL, 2)
  head.writeInt32BE(timeoutMs, 4)
  head.writeInt32BE(topics, 8)
  return head
}
