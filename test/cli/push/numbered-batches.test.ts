import t from 'tap'
import type { InputValue } from '../../../src/cli/push/input-value.ts'
import {
  type NumberedBatch,
  numberedBatches,
  type NumberedBatchesOptions,
  renumberedBatches,
} from '../../../src/cli/push/numbered-batches.ts'
import { CONTENT_TYPES } from '../../../src/event/content-type.ts'
import { decode } from '../../../src/event/decode.ts'
import { Dictionary } from '../../../src/event/dictionary.ts'
import { EventColumns } from '../../../src/event/event-columns.ts'
import { eventsOf } from '../../../src/event/event-objects.ts'
import type { MeshEvent, RequestEvent } from '../../../src/event/event.ts'
import { eventToJson } from '../../../src/event/json-encoder.ts'

function request(i: number, more: Partial<RequestEvent> = {}): RequestEvent {
  return {
    kind: 'request',
    timeMs: 1_700_000_000_000 + i,
    direction: 'inbound',
    destination: { namespace: 'shop', kind: 'deployment', name: 'web' },
    method: 'GET',
    path: `/users/${i}`,
    status: 200,
    latencyMicros: 1000 + i,
    ...more,
  }
}

const EVENTS = Array.from({ length: 25 }, (_, i) => request(i))

function valuesOf(events: readonly (MeshEvent | string)[], firstLine = 1): InputValue[] {
  return events.map((event, i) => ({
    bytes: Buffer.from(typeof event === 'string' ? event : JSON.stringify(eventToJson(event))),
    line: firstLine + i,
  }))
}

/** In parts of a size that is no divisor of anything. */
async function* inParts(values: readonly InputValue[], size = 7): AsyncGenerator<readonly InputValue[]> {
  for (let at = 0; at < values.length; at += size) yield values.slice(at, at + size)
}

async function batchesOf(
  values: readonly InputValue[],
  options: Partial<NumberedBatchesOptions> = {},
  size?: number,
): Promise<NumberedBatch[]> {
  const batches: NumberedBatch[] = []
  const made = numberedBatches(inParts(values, size), { producer: 'p1', events: 10, ...options })
  for await (const batch of made) batches.push(batch)
  return batches
}

function decoded({ bytes }: NumberedBatch): { producer: string; sequence: number; events: MeshEvent[] } {
  const columns = new EventColumns(new Dictionary())
  const result = decode(CONTENT_TYPES.eventBatch, bytes, columns)
  if (result.kind === 'malformed') throw new Error(result.fault.message)
  return { producer: columns.producer, sequence: columns.sequence, events: eventsOf(columns) }
}

t.test('events become batches that are numbered from 1 up', async (t) => {
  const batches = await batchesOf(valuesOf(EVENTS))
  t.strictSame(
    batches.map(({ sequence, events }) => ({ sequence, events })),
    [
      { sequence: 1, events: 10 },
      { sequence: 2, events: 10 },
      { sequence: 3, events: 5 },
    ],
  )
  const read = batches.map(decoded)
  t.strictSame(
    read.map(({ producer, sequence }) => [producer, sequence]),
    [
      ['p1', 1],
      ['p1', 2],
      ['p1', 3],
    ],
  )
  t.strictSame(
    read.flatMap(({ events }) => events),
    EVENTS,
  )
})

t.test('the same values make the same batches, however they arrive', async (t) => {
  const want = await batchesOf(valuesOf(EVENTS))
  for (const size of [1, 3, 10, 100]) {
    const got = await batchesOf(valuesOf(EVENTS), {}, size)
    t.strictSame(
      got.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
      want.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    )
  }
})

t.test('a batch that is too large is halved, and its parts are numbered', async (t) => {
  const events = Array.from({ length: 8 }, (_, i) => request(i, { path: `/${String(i).repeat(300)}` }))
  const batches = await batchesOf(valuesOf(events), { maxBytes: 1000 })
  t.ok(batches.length > 1)
  for (const { bytes } of batches) t.ok(bytes.length <= 1000)
  t.strictSame(
    batches.map(({ sequence }) => sequence),
    batches.map((_, i) => i + 1),
  )
  t.strictSame(
    batches.flatMap((batch) => decoded(batch).events),
    events,
  )
  t.strictSame(
    [...renumberedBatches(events, { producer: 'p1', events: 10, maxBytes: 1000 })].flatMap(
      (batch) => decoded(batch).events,
    ),
    events,
  )
})

t.test('an event that no batch can hold is refused with its line', async (t) => {
  const events = [request(1), request(2, { path: `/${'x'.repeat(500)}` })]
  await t.rejects(batchesOf(valuesOf(events), { maxBytes: 400 }), {
    code: 'INPUT_MALFORMED',
    message: 'line 2: the event alone needs more than the 400 bytes of a batch; leave headers out',
  })
})

t.test('a malformed value stops the push with its line, and nothing of its batch is sent', async (t) => {
  const values = valuesOf([...EVENTS.slice(0, 12), '{"time":1,"direction":"in', ...EVENTS.slice(12)])
  const sent: NumberedBatch[] = []
  await t.rejects(
    (async () => {
      for await (const batch of numberedBatches(inParts(values), { producer: 'p1', events: 10 }))
        sent.push(batch)
    })(),
    { code: 'INPUT_MALFORMED', message: /^line 13: / },
  )
  t.strictSame(
    sent.flatMap((batch) => decoded(batch).events),
    EVENTS.slice(0, 10),
  )
})

t.test('malformed values can be left out, each told with its line', async (t) => {
  const values = valuesOf(['nope', ...EVENTS, '{"direction":"inbound"}', '{"time":1}{'])
  const told: number[] = []
  const batches = await batchesOf(values, { onMalformed: (line) => told.push(line) })
  t.strictSame(
    batches.flatMap((batch) => decoded(batch).events),
    EVENTS,
  )
  t.strictSame(told, [1, 27, 28])
  t.strictSame(await batchesOf(valuesOf(['nope']), { onMalformed: () => {} }), [])
})

t.test('messages name the fault as the decoder does', async (t) => {
  const check = (text: string, want: string) => t.rejects(batchesOf(valuesOf([text], 17)), { message: want })
  await check('{}', 'line 17: "time" is missing')
  await check(
    '{"time":1,"direction":"inbound","destination":{"port":"x"},"latencyMicros":1}',
    'line 17: "destination.port" must be a whole number from 0 to 65535, got "x"',
  )
})

t.test('decoded events are numbered anew', async (t) => {
  const connection: MeshEvent = {
    kind: 'connection',
    timeMs: 1_700_000_000_000,
    direction: 'inbound',
    destination: { name: 'web' },
    open: 3,
  }
  const batches = [...renumberedBatches([...EVENTS, connection], { producer: 'p2', events: 20 })]
  t.strictSame(
    batches.map(({ sequence, events }) => [sequence, events]),
    [
      [1, 20],
      [2, 6],
    ],
  )
  t.strictSame(
    batches.flatMap((batch) => decoded(batch).events),
    [...EVENTS, connection],
  )
})
