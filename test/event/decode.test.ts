import t from 'tap'
import { codecOf, CONTENT_TYPES } from '../../src/event/content-type.ts'
import { decode } from '../../src/event/decode.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { eventToJson } from '../../src/event/json-encoder.ts'
import { columnsOf, emptyColumns } from './columns.ts'

const EVENT: MeshEvent = {
  kind: 'request',
  timeMs: 1000,
  direction: 'inbound',
  destination: { name: 'web' },
  latencyMicros: 5,
}

const encoder = new TextEncoder()
const asJson = encoder.encode(JSON.stringify(eventToJson(EVENT)))
const asBatch = encodeEventBatch(columnsOf([EVENT]))

await t.test('a content type names its codec, however it is written', async (t) => {
  const cases: readonly [string | undefined, string | undefined][] = [
    [undefined, 'json'],
    ['application/json', 'json'],
    ['Application/JSON; charset=utf-8', 'json'],
    [' application/json ;', 'json'],
    ['application/x-ndjson', 'ndjson'],
    [CONTENT_TYPES.eventBatch, 'eventBatch'],
    ['application/x-protobuf;proto=meshtap.v1.EventBatch', 'eventBatch'],
    ['application/x-protobuf; charset=x; Proto = "meshtap.v1.EventBatch" ; a=b', 'eventBatch'],
    ['APPLICATION/X-PROTOBUF; PROTO=MESHTAP.V1.EVENTBATCH', 'eventBatch'],
    [CONTENT_TYPES.otlpTraces, 'otlpTraces'],
    [CONTENT_TYPES.envoyAccessLogs, 'envoyAccessLogs'],
    ['application/x-protobuf', undefined],
    ['application/x-protobuf; proto=', undefined],
    ['application/x-protobuf; proto=meshtap.v2.EventBatch', undefined],
    ['application/x-protobuf; xproto=meshtap.v1.EventBatch', undefined],
    ['text/plain', undefined],
    ['', undefined],
    ['__proto__', undefined],
  ]
  for (const [contentType, codec] of cases) t.equal(codecOf(contentType), codec, String(contentType))
})

await t.test('records decode by their content type', async (t) => {
  const cases: readonly [string | undefined, Uint8Array][] = [
    [undefined, asJson],
    [CONTENT_TYPES.json, asJson],
    [CONTENT_TYPES.ndjson, asJson],
    [CONTENT_TYPES.eventBatch, asBatch],
  ]
  for (const [contentType, bytes] of cases) {
    const columns = emptyColumns()
    t.same(decode(contentType, bytes, columns), { kind: 'decoded' })
    t.same(eventsOf(columns), [EVENT])
  }
})

await t.test('a record that cannot be decoded gives its fault and leaves nothing', async (t) => {
  const cases: readonly [string | undefined, Uint8Array, object][] = [
    [
      'text/plain',
      asJson,
      {
        reason: 'content-type',
        at: 'content-type',
        message:
          '"text/plain" is none of application/x-protobuf; proto=meshtap.v1.EventBatch, application/json, ' +
          'application/x-ndjson, application/x-protobuf; ' +
          'proto=opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest, application/x-protobuf; ' +
          'proto=envoy.service.accesslog.v3.StreamAccessLogsMessage',
      },
    ],
    [
      CONTENT_TYPES.envoyAccessLogs,
      asBatch,
      { reason: 'protobuf', at: 'byte 3', message: 'a field has the impossible wire type 7' },
    ],
    [
      undefined,
      encoder.encode('{}'),
      { reason: 'field-missing', at: 'line 1', message: '"time" is missing' },
    ],
    [
      CONTENT_TYPES.eventBatch,
      asBatch.subarray(0, asBatch.length - 1),
      { reason: 'truncated', at: 'byte 19', message: 'a length of 9 bytes, but only 8 are left' },
    ],
  ]
  for (const [contentType, bytes, fault] of cases) {
    const columns = columnsOf([EVENT])
    t.same(decode(contentType, bytes, columns), { kind: 'malformed', fault })
    t.same(eventsOf(columns), [])
  }
})

await t.test('an error that no codec means to throw is a fault too', async (t) => {
  const columns = columnsOf([EVENT])
  columns.addRequest = () => {
    throw new RangeError('Array buffer allocation failed')
  }
  t.same(decode(undefined, asJson, columns), {
    kind: 'malformed',
    fault: { reason: 'internal', at: 'record', message: 'Array buffer allocation failed' },
  })
  t.equal(columns.requests, 0)
})
