import t from 'tap'
import { BatchMaker } from '../../chaos/batch-maker.ts'
import { differencesOf, emptyCell, latencyBucket } from '../../chaos/cell.ts'
import { encodeEventBatch } from '../../chaos/encode-event-batch.ts'
import { encodeJson } from '../../chaos/encode-json.ts'
import { meshCalls } from '../../chaos/mesh.ts'
import { NumberedProducer } from '../../chaos/numbered-producer.ts'
import { isKept, TIERS, Truth } from '../../chaos/truth.ts'
import { CONTENT_TYPES } from '../../src/event/content-type.ts'
import { decode } from '../../src/event/decode.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { bucketOf } from '../../src/rollup/histogram.ts'
import { emptyColumns } from '../event/columns.ts'
import { random } from '../random.ts'

const NOW_MS = 1_795_500_000_000

function made(events: number) {
  const next = random(7)
  return new BatchMaker({ calls: meshCalls(7), next, now: () => NOW_MS, startMs: NOW_MS }).make(events)
}

t.test('both encodings of a batch are the same events', async (t) => {
  const events = made(1000)
  const json = emptyColumns()
  t.same(decode(CONTENT_TYPES.json, encodeJson(events), json), { kind: 'decoded' })
  const batch = emptyColumns()
  t.same(decode(CONTENT_TYPES.eventBatch, encodeEventBatch('p', 9, events), batch), { kind: 'decoded' })
  t.equal(eventsOf(json).length, 1000)
  t.same(eventsOf(json), eventsOf(batch))
  t.equal(json.unknownFields + batch.unknownFields, 0)
  t.equal(batch.producer, 'p')
  t.equal(batch.sequence, 9)
})

t.test('the latency bucket by its formula is the one that meshtap finds', async (t) => {
  const next = random(3)
  const wrong = []
  for (let i = 0; i < 100_000; i++) {
    const micros = i < 5000 ? i : Math.floor(2 ** (30 * next()))
    if (latencyBucket(micros) !== bucketOf(micros)) wrong.push(micros)
  }
  t.same(wrong, [])
})

t.test('one event more or less is a difference', async (t) => {
  const truth = new Truth()
  for (const event of made(500)) truth.add(event)
  const other = new Truth()
  for (const event of made(501)) other.add(event)
  const [a, b] = [truth.totals(), other.totals()]
  const found = [...b].flatMap(([name, cell]) =>
    differencesOf(a.get(name) ?? emptyCell(), cell, { lastMs: true }),
  )
  t.not(found.length, 0)
  const same = [...b].flatMap(([name, cell]) =>
    differencesOf(other.totals().get(name)!, cell, { lastMs: true }),
  )
  t.same(same, [])
})

t.test(
  'a producer keeps to the window of 64 numbers, whatever is lost, late, held back or sent twice',
  async (t) => {
    const next = random(11)
    const delivered: number[] = []
    let highest = 0
    const tooOld: number[] = []
    const producer = new NumberedProducer({
      name: (life) => `p.${life}`,
      eventsPerBatch: 1,
      make: () => made(1),
      encode: () => new Uint8Array(),
      send: async ({ sequence }) => {
        await new Promise((resolve) => setTimeout(resolve, 3 * next()))
        if (next() < 0.2) throw new Error('lost')
        if (!delivered.includes(sequence) && sequence <= highest - 64) tooOld.push(sequence)
        delivered.push(sequence)
        highest = Math.max(highest, sequence)
      },
      next,
      stats: { events: 0, batches: 0, retries: 0, duplicates: 0, reordered: 0 },
      batchesPerLife: 1_000_000,
      onRefused: (error) => t.fail(String(error)),
    })
    for (let sent = 0; sent < 250;) {
      if (producer.hasRoom) {
        producer.sendNext()
        sent++
      } else {
        await new Promise((resolve) => setTimeout(resolve, 1))
      }
    }
    await producer.close()
    t.same(tooOld, [])
    t.equal(new Set(delivered).size, 250, 'each arrived')
    t.ok(delivered.length > 250, 'some twice')
    t.notSame(
      delivered,
      delivered.toSorted((a, b) => a - b),
      'not in order',
    )
  },
)

t.test('a bucket is compared until its tier lets it go', async (t) => {
  const truth = new Truth()
  for (const event of made(500)) truth.add(event)
  const [tenSeconds] = TIERS
  const start = Math.max(...truth.buckets(tenSeconds, NOW_MS).keys())
  const endMs = start + 10_000
  t.ok(truth.buckets(tenSeconds, endMs + 600_000 - 1).has(start))
  t.notOk(truth.buckets(tenSeconds, endMs + 600_000).has(start))
  t.ok(isKept(tenSeconds, start, endMs + 600_000 - 1))
  t.notOk(isKept(tenSeconds, start, endMs + 600_000))
})
