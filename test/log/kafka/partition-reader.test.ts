import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { RecordBatch } from '../../../src/log/event-log.ts'
import type { Compression } from '../../../src/log/kafka/codecs.ts'
import { PartitionReader } from '../../../src/log/kafka/partition-reader.ts'
import { encodeBatch, encodeRecord } from '../../../src/log/kafka/record-encoder.ts'
import { ReusableMemory } from '../../../src/log/kafka/reusable-memory.ts'
import { random as randomOf } from '../../random.ts'

const VALUE_BYTES = 400_000
const RECORDS = 3
/** So that what is fetched is more than a handler is given at once. */
const BATCHES = 5
const CALLS = 60
const END = 100_000

/** Record batches from an offset on, each value made of its record's offset. */
function fetchedFrom(offset: number, compression: Compression): Buffer {
  return Buffer.concat(
    Array.from({ length: BATCHES }, (_, n) => {
      const baseOffset = offset + n * RECORDS
      const encoded = Array.from({ length: RECORDS }, (_, i) => {
        const value = Buffer.alloc(VALUE_BYTES, `${baseOffset + i},`)
        return encodeRecord({ value, headers: { 'x-offset': `${baseOffset + i}` } }, undefined)
      })
      const nobody = { producerId: -1n, producerEpoch: -1, sequence: -1 }
      const bytes = encodeBatch(encoded, nobody, compression, 1_700_000_000_000)
      bytes.writeBigInt64BE(BigInt(baseOffset), 0)
      return bytes
    }),
  )
}

for (const compression of ['none', 'lz4'] as const) {
  t.test(`values are the handler's until it answers, whatever else happens: ${compression}`, async (t) => {
    const random = randomOf(5)
    const memory = new ReusableMemory()
    /** Puts other bytes into all memory that waits to be used again. */
    const scribble = () => {
      // Not so much that what others give back would not be kept.
      const sizes = [...Array.from({ length: 24 }, () => 1_200_000), 6_100_000, 6_100_000]
      const taken = sizes.map((bytes) => memory.take(bytes).fill(0xee))
      for (const buffer of taken) memory.give(buffer)
    }
    const memories = new Set<ArrayBufferLike>()
    const wrong: number[] = []
    let calls = 0
    const check = ({ records }: RecordBatch) => {
      for (const { offset, value, headers } of records) {
        const isRight = Buffer.alloc(VALUE_BYTES, `${offset},`).equals(value)
        if (!isRight || headers['x-offset'] !== `${offset}`) wrong.push(offset)
        memories.add(value.buffer)
      }
    }
    let isClosing = false
    const done = Promise.withResolvers<void>()
    const reader: PartitionReader = new PartitionReader({
      id: 'events-0',
      topic: 'events',
      partition: 0,
      memory,
      after: undefined,
      mayGive: () => undefined,
      onTrouble: () => {},
      onChange: () => void deliver(),
      handler: {
        assigned: async () => 0,
        revoked: async () => {},
        records: async (batch) => {
          calls++
          check(batch)
          const next = batch.records.at(-1)!.offset + 1
          const what = random()
          if (what < 0.15) reader.seek(Math.floor(random() * END))
          if (calls === CALLS) {
            isClosing = true
            done.resolve()
          }
          for (let i = 0; i < 4; i++) await turn()
          scribble()
          check(batch)
          if (what > 0.97) throw new Error('again, please')
          return what > 0.85 ? batch.records[0]!.offset + 1 : next
        },
      },
    })
    async function deliver(): Promise<void> {
      await turn()
      const offset = reader.wantedOffset
      if (offset === undefined || isClosing) return
      const bytes = memory.copy(fetchedFrom(offset, compression))
      reader.deliver(offset, {
        topic: 'events',
        partition: 0,
        errorCode: 0,
        endOffset: END,
        aborted: [],
        bytes,
      })
    }
    await done.promise
    await reader.close()
    t.strictSame(wrong, [])
    t.equal(calls, CALLS)
    // With a batch or four of them each call.
    t.ok(memories.size < 2 * CALLS, `memory is used again: ${memories.size} in all`)
  })
}
