import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import protobuf from 'protobufjs'
import t from 'tap'
import { decodeEventBatch } from '../../src/event/event-batch-decoder.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { meshEvents } from './arbitraries.ts'
import { columnsOf, emptyColumns, faultOf } from './columns.ts'

const PROTO = readFileSync(new URL('../../proto/event_batch.proto', import.meta.url), 'utf8')
const EventBatch = protobuf.parse(PROTO).root.lookupType('meshtap.v1.EventBatch')

/** A batch as protobufjs encodes it. */
function theirs(batch: object): Uint8Array {
  return EventBatch.encode(EventBatch.fromObject(batch)).finish()
}

function decoded(bytes: Uint8Array): MeshEvent[] {
  const columns = emptyColumns()
  decodeEventBatch(bytes, columns)
  return eventsOf(columns)
}

const SMALL = {
  strings: ['web', 'GET'],
  endpoints: { name: [1] },
  flows: { destination: [1], method: [2] },
  outcomes: { statusPlusOne: [201] },
  requests: { baseTimeMs: 1000, timeDeltaMs: [0, 1], flow: [1, 1], outcome: [1, 0], latencyMicros: [5, 6] },
}

const SMALL_EVENTS: MeshEvent[] = [
  {
    kind: 'request',
    timeMs: 1000,
    direction: 'inbound',
    destination: { name: 'web' },
    latencyMicros: 5,
    method: 'GET',
    status: 200,
  },
  {
    kind: 'request',
    timeMs: 1001,
    direction: 'inbound',
    destination: { name: 'web' },
    latencyMicros: 6,
    method: 'GET',
  },
]

const FIXTURES = new URL('../fixtures/', import.meta.url)

function fixtureBytes(): Uint8Array {
  const hex = readFileSync(new URL('event-batch.hex', FIXTURES), 'utf8').replaceAll(/#.*$|\s/gm, '')
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))
}

function fixtureEvents(): MeshEvent[] {
  return JSON.parse(readFileSync(new URL('event-batch.json', FIXTURES), 'utf8')) as MeshEvent[]
}

await t.test('any events come back as they were encoded', async () => {
  fc.assert(
    fc.property(meshEvents, fc.string({ maxLength: 64 }), fc.maxSafeNat(), (events, producer, sequence) => {
      const columns = columnsOf(events)
      columns.producer = producer
      columns.sequence = sequence
      const read = emptyColumns()
      decodeEventBatch(encodeEventBatch(columns), read)
      assert.deepEqual(eventsOf(read), eventsOf(columns))
      assert.deepEqual(eventsOf(read), events)
      assert.equal(read.producer, producer)
      assert.equal(read.sequence, producer === '' ? 0 : sequence)
      assert.equal(read.unknownFields, 0)
    }),
    { seed: 2, numRuns: 400 },
  )
})

await t.test('a batch written down once still has the same bytes and the same events', async (t) => {
  const events = fixtureEvents()
  const columns = columnsOf(events)
  columns.producer = '9d2f6f0a-52c1-4f0e-9f1c-3a1d6f1f7f10'
  columns.sequence = 300
  t.equal(Buffer.from(encodeEventBatch(columns)).toString('hex'), Buffer.from(fixtureBytes()).toString('hex'))
  t.same(decoded(fixtureBytes()), events)
})

await t.test('protobufjs reads our batches and writes them byte for byte', async () => {
  fc.assert(
    fc.property(meshEvents, (events) => {
      const ours = encodeEventBatch(columnsOf(events))
      const message = EventBatch.decode(ours)
      assert.equal(EventBatch.verify(message), null)
      assert.deepEqual(decoded(EventBatch.encode(message).finish()), events)
      assert.deepEqual([...EventBatch.encode(message).finish()], [...ours])
    }),
    { seed: 3, numRuns: 200 },
  )
})

await t.test('a batch that protobufjs wrote by the .proto decodes', async (t) => {
  t.same(decoded(theirs(SMALL)), SMALL_EVENTS)
})

await t.test('fields in any order and in pieces are the same batch', async () => {
  const { requests, ...tables } = SMALL
  const pieces = [
    ...Object.entries(tables).map(([field, value]) => theirs({ [field]: value })),
    ...Object.entries(requests).map(([field, value]) => theirs({ requests: { [field]: value } })),
  ]
  fc.assert(
    fc.property(fc.shuffledSubarray(pieces, { minLength: pieces.length }), (shuffled) => {
      assert.deepEqual(decoded(Buffer.concat(shuffled)), SMALL_EVENTS)
    }),
    { seed: 4, numRuns: 50 },
  )
})

await t.test('a column in several chunks is one column', async (t) => {
  const { flow, ...rest } = SMALL.requests
  const batch = [
    theirs({ ...SMALL, requests: rest }),
    ...flow.map((index) => theirs({ requests: { flow: [index] } })),
  ]
  t.same(decoded(Buffer.concat(batch)), SMALL_EVENTS)
})

await t.test('numbers that are not packed are read too', async () => {
  const unpacked = PROTO.replaceAll(/(repeated [us]int\d+ \w+ = \d+);/g, '$1 [packed = false];')
  const Unpacked = protobuf.parse(unpacked).root.lookupType('meshtap.v1.EventBatch')
  fc.assert(
    fc.property(meshEvents, (events) => {
      const packed = encodeEventBatch(columnsOf(events))
      const bytes = Unpacked.encode(Unpacked.decode(packed)).finish()
      assert.ok(bytes.length !== packed.length || events.length === 0)
      assert.deepEqual(decoded(bytes), events)
    }),
    { seed: 5, numRuns: 100 },
  )
})

await t.test('unknown fields are skipped and counted', async (t) => {
  const later = PROTO.replaceAll(/^}/gm, '  string later = 1000;\n}')
  const Later = protobuf.parse(later).root.lookupType('meshtap.v1.EventBatch')
  const unknown = { later: 'x' }
  const bytes = Later.encode(
    Later.fromObject({
      ...SMALL,
      ...unknown,
      endpoints: { ...SMALL.endpoints, ...unknown },
      flows: { ...SMALL.flows, ...unknown },
      outcomes: { ...SMALL.outcomes, ...unknown },
      requests: { ...SMALL.requests, ...unknown, headers: unknown },
      connections: unknown,
    }),
  ).finish()
  const columns = emptyColumns()
  decodeEventBatch(bytes, columns)
  t.same(eventsOf(columns), SMALL_EVENTS)
  t.equal(columns.unknownFields, 7)
})

await t.test('kinds and header names are normalised, unknown flags ignored', async (t) => {
  const bytes = theirs({
    strings: ['Deployments', 'Authorization', 'secret'],
    endpoints: { kind: [1, 1] },
    flows: { flags: [4 | 64], source: [2], destination: [1] },
    requests: { flow: [1], headers: { name: [2], value: [3] } },
  })
  t.same(decoded(bytes), [
    {
      kind: 'request',
      timeMs: 0,
      direction: 'inbound',
      source: { kind: 'deployment' },
      destination: { kind: 'deployment' },
      latencyMicros: 0,
      requestHeaders: [{ name: 'authorization', value: 'secret' }],
    },
  ])
})

await t.test('headers may be empty', async (t) => {
  const event: MeshEvent = { ...SMALL_EVENTS[1]!, requestHeaders: [{ name: '', value: '' }] } as MeshEvent
  t.same(decoded(encodeEventBatch(columnsOf([event]))), [event])
})

await t.test('a batch may lie anywhere in a larger buffer', async (t) => {
  const bytes = fixtureBytes()
  const around = new Uint8Array(bytes.length + 8).fill(0x30)
  around.set(bytes, 5)
  t.same(decoded(around.subarray(5, bytes.length + 5)), fixtureEvents())
})

await t.test('an empty batch has no events', async (t) => {
  t.same(decoded(new Uint8Array(0)), [])
})

await t.test('columns hold nothing of the record before', async (t) => {
  const columns = emptyColumns()
  const events = fixtureEvents()
  decodeEventBatch(fixtureBytes(), columns)
  decodeEventBatch(theirs(SMALL), columns)
  t.same(eventsOf(columns), SMALL_EVENTS)
  t.equal(columns.producer, '')
  decodeEventBatch(fixtureBytes(), columns)
  t.same(eventsOf(columns), events)
})

await t.test('a bad batch has one fault that says what and where', async (t) => {
  const { requests } = SMALL
  const cases: readonly [object, string][] = [
    [
      { ...SMALL, requests: { ...requests, flow: [1, 2] } },
      'index requests.flow[1]: index 2, but there are 1 flows',
    ],
    [
      { ...SMALL, requests: { ...requests, flow: [1, 0] } },
      'index requests.flow[1]: is 0, but must name one of the flows',
    ],
    [
      { ...SMALL, requests: { ...requests, outcome: [2, 1] } },
      'index requests.outcome[0]: index 2, but there are 1 outcomes',
    ],
    [
      { ...SMALL, requests: { ...requests, flow: [1] } },
      'column-length requests.flow: has 1 values where time_delta_ms has 2: a column has one value a row, or none at all',
    ],
    [
      { ...SMALL, requests: { ...requests, traceIds: new Uint8Array(16) } },
      'column-length byte 52: trace_ids has 16 bytes, but 2 requests need 16 each',
    ],
    [
      { ...SMALL, requests: { ...requests, timeDeltaMs: [0, -1001] } },
      'out-of-range requests.time_delta_ms[1]: the time -1 is not within 0 and 8640000000000000',
    ],
    [
      { ...SMALL, requests: { ...requests, baseTimeMs: 8.64e15 } },
      'out-of-range requests.time_delta_ms[1]: the time 8640000000000001 is not within 0 and 8640000000000000',
    ],
    [
      { ...SMALL, requests: { ...requests, latencyMicros: [1, 2 ** 40 + 1] } },
      'out-of-range requests.latency_micros[1]: 1099511627777 is more than 1099511627776',
    ],
    [
      { ...SMALL, requests: { ...requests, requestBytes: [2 ** 53, 1] } },
      'out-of-range byte 52: a number is 2^53 or more',
    ],
    [
      { ...SMALL, requests: { ...requests, headers: { request: [2], name: [1] } } },
      'index requests.headers.request[0]: row 2 of 2 requests',
    ],
    [
      { ...SMALL, requests: { ...requests, headers: { request: [1, 0], name: [1, 1] } } },
      'order requests.headers.request[1]: 0 comes after 1',
    ],
    [
      { ...SMALL, requests: { ...requests, headers: { response: [2], name: [1] } } },
      'out-of-range requests.headers.response[0]: 2 is more than 1',
    ],
    [
      { ...SMALL, requests: { ...requests, headers: { name: [3] } } },
      'index requests.headers.name[0]: index 3, but there are 2 strings',
    ],
    [{ ...SMALL, endpoints: { name: [3] } }, 'index endpoints.name[0]: index 3, but there are 2 strings'],
    [{ ...SMALL, endpoints: { port: [65_536] } }, 'out-of-range endpoints.port[0]: 65536 is more than 65535'],
    [
      { ...SMALL, flows: { source: [2], destination: [1] } },
      'index flows.source[0]: index 2, but there are 1 endpoints',
    ],
    [
      { ...SMALL, outcomes: { statusPlusOne: [1001] } },
      'out-of-range outcomes.status_plus_one[0]: 1001 is more than 1000',
    ],
    [
      { ...SMALL, outcomes: { grpcStatusPlusOne: [1001] } },
      'out-of-range outcomes.grpc_status_plus_one[0]: 1001 is more than 1000',
    ],
    [{ ...SMALL, outcomes: { reset: [2] } }, 'out-of-range outcomes.reset[0]: 2 is more than 1'],
    [{ ...SMALL, connections: { flow: [2] } }, 'index connections.flow[0]: index 2, but there are 1 flows'],
    [
      { ...SMALL, connections: { flow: [1], openPlusOne: [2 ** 32 + 2] } },
      'out-of-range connections.open_plus_one[0]: 4294967298 is more than 4294967297',
    ],
    [
      { ...SMALL, producer: 'x'.repeat(257) },
      'out-of-range byte 3: producer has 257 bytes, of which it may have 256',
    ],
    [
      { requests: { flow: Array.from({ length: 262_145 }, () => 1) } },
      'too-many requests: more than 262144 events in one record: send smaller ones',
    ],
    [
      { flows: { flags: Array.from({ length: 262_145 }, () => 1) } },
      'too-many flows: more than 262144 rows in one record: send smaller ones',
    ],
  ]
  for (const [batch, want] of cases) {
    const columns = emptyColumns()
    t.equal(
      faultOf(() => decodeEventBatch(theirs(batch), columns)),
      want,
    )
    t.same(eventsOf(columns), [], 'nothing of a malformed batch stays')
    t.equal(columns.headers, 0)
  }
})

await t.test('a batch cut anywhere is decoded or has a fault', async (t) => {
  const bytes = fixtureBytes()
  const columns = emptyColumns()
  let faults = 0
  for (let length = 0; length < bytes.length; length++) {
    if (isFault(() => decodeEventBatch(bytes.subarray(0, length), columns))) faults++
  }
  t.ok(faults > bytes.length / 2, `${faults} of ${bytes.length} cuts are faults`)
})

await t.test('a batch with bits flipped is decoded or has a fault', async (t) => {
  const bytes = fixtureBytes()
  let faults = 0
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length * 8 - 1 }), { minLength: 1, maxLength: 4 }), (bits) => {
      const flipped = Uint8Array.from(bytes)
      for (const bit of bits) flipped[bit >> 3]! ^= 1 << (bit & 7)
      const columns = emptyColumns()
      if (isFault(() => decodeEventBatch(flipped, columns))) {
        faults++
        assert.equal(columns.requests + columns.connections + columns.headers, 0)
      } else {
        // What does decode is sound: it can be encoded and comes back the same.
        assert.deepEqual(decoded(encodeEventBatch(columns)), eventsOf(columns))
      }
    }),
    { seed: 6, numRuns: 1000 },
  )
  t.ok(faults > 100, `${faults} of 1000 are faults`)
})

await t.test('a length that claims more than there is allocates nothing', async (t) => {
  // requests { flow: <2^40 bytes> }
  const bytes = Uint8Array.of(0x3a, 0x07, 0x1a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20)
  t.equal(
    faultOf(() => decodeEventBatch(bytes, emptyColumns())),
    'truncated byte 3: a length of 1099511627776 bytes, but only 0 are left',
  )
})

await t.test('columns that no batch can hold are misuse', async (t) => {
  const columns = emptyColumns()
  for (let i = 0; i <= 262_144; i++) columns.addRequest(0, 0, 0, 0, 0, 0)
  t.throws(() => encodeEventBatch(columns), RangeError)
})

/** Whether the codec refused; any error but a DecodeError fails the test. */
function isFault(decode: () => void): boolean {
  return faultOf(decode) !== 'none'
}
