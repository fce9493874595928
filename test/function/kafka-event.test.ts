import t from 'tap'
import { batchesOf, type KafkaEvent, PartitionFunction, processKafkaEvent } from '../../src/function/index.ts'
import { FROM, NOW, recordOf, requestAt } from '../aggregator/partition-rig.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')
const bytes = (text: string) => [...Buffer.from(text)]

/** As https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html has it. */
const event: KafkaEvent & Record<string, unknown> = {
  eventSource: 'aws:kafka',
  eventSourceArn: 'arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973',
  bootstrapServers: 'b-2.demo-cluster-1.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092',
  records: {
    'mesh.requests-0': [
      {
        topic: 'mesh.requests',
        partition: 0,
        offset: 15,
        timestamp: 1545084650987,
        key: base64('web-7c8d-ü'),
        value: base64('{"time":1}'),
        headers: [{ 'Content-Type': bytes('application/json') }, { x: [-61, -68] }, { y: base64('z') }],
      },
    ],
    'mesh.requests-1': [
      { topic: 'mesh.requests', partition: 1, offset: 3, timestamp: 2, key: null, value: null, headers: [] },
      { topic: 'mesh.requests', partition: 1, offset: 2, timestamp: 1 },
    ],
  },
}

t.test('the event of a Kafka trigger is batches of records in order', async (t) => {
  const batches = batchesOf(event)
  t.same(
    batches.map(({ partition, records }) => ({
      partition,
      records: records.map(({ value, ...record }) => ({ ...record, value: Buffer.from(value).toString() })),
    })),
    [
      {
        partition: 'mesh.requests-0',
        records: [
          {
            offset: 15,
            timestampMs: 1545084650987,
            key: 'web-7c8d-ü',
            value: '{"time":1}',
            headers: { 'content-type': 'application/json', x: 'ü', y: 'z' },
          },
        ],
      },
      {
        partition: 'mesh.requests-1',
        records: [
          { offset: 2, timestampMs: 1, value: '', headers: {} },
          { offset: 3, timestampMs: 2, value: '', headers: {} },
        ],
      },
    ],
  )
})

t.test('what is no such event is a mistake, which is named', async (t) => {
  const check = (event: unknown, message: RegExp) =>
    t.throws(() => batchesOf(event as KafkaEvent), { name: 'TypeError', message })
  check(undefined, /it has no "records"/)
  check({ Records: [] }, /it has no "records"/)
  check(
    { records: { 'a-0': [{ topic: 'a', partition: 0, offset: '7' }] } },
    /records\["a-0"\]\[0\] has no topic/,
  )
})

t.test(
  'an event of which one partition fails is given again, and the others are not folded twice',
  async (t) => {
    const store = new MemoryRollupStore(() => NOW)
    const handler = new PartitionFunction({ store, setAside: async () => {}, now: () => NOW })
    const recordAt = (partition: number, offset: number) => {
      const { value, headers } = recordOf([requestAt(FROM)], offset)
      const contentType = bytes(headers['content-type'])
      return {
        topic: 'mesh.requests',
        partition,
        offset,
        timestamp: NOW,
        value: base64(value),
        headers: [{ 'content-type': contentType }],
      }
    }
    const records = { a: [recordAt(0, 0), recordAt(0, 1)], b: [recordAt(1, 4)], c: [recordAt(2, 0)] }
    await t.rejects(processKafkaEvent(handler, { records }), {
      code: 'BATCH_GAP',
      partition: 'mesh.requests-1',
      expected: 0,
      given: 4,
    })
    const whole = { ...records, b: [0, 1, 2, 3, 4].map((offset) => recordAt(1, offset)) }
    t.match(await processKafkaEvent(handler, { records: whole }), [
      { partition: 'mesh.requests-0', outcome: 'repeated', offset: 2, skipped: 2 },
      { partition: 'mesh.requests-1', outcome: 'committed', offset: 5, folded: 5 },
      { partition: 'mesh.requests-2', outcome: 'repeated', offset: 1, skipped: 1 },
    ])
  },
)
