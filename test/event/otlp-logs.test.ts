import { readFileSync } from 'node:fs'
import protobuf from 'protobufjs'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeOtlpLogs } from '../../src/event/otlp-logs-decoder.ts'
import { random } from '../random.ts'
import { emptyColumns } from './columns.ts'

function fixture(file: string): Buffer {
  return readFileSync(new URL(`../fixtures/otlp/${file}`, import.meta.url))
}

const message = protobuf
  .parse(
    `syntax = "proto3";
    message Export { repeated ResourceLogs resource_logs = 1; }
    message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
    message Resource { repeated KeyValue attributes = 1; }
    message ScopeLogs { repeated Record log_records = 2; }
    message Record {
      fixed64 time_unix_nano = 1; int32 severity_number = 2; AnyValue body = 5; repeated KeyValue attributes = 6;
      bytes trace_id = 9; fixed64 observed_time_unix_nano = 11; string event_name = 12;
    }
    message KeyValue { string key = 1; AnyValue value = 2; }
    message AnyValue { oneof value { string string_value = 1; int64 int_value = 3; double double_value = 4; } }`,
    { keepCase: true },
  )
  .root.lookupType('Export')

type Value = string | number
type Attributes = Readonly<Record<string, Value>>

const TIME = '1795512480500000999'

function pairs(attributes: Attributes) {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value:
      typeof value === 'string'
        ? { string_value: value }
        : Number.isInteger(value)
          ? { int_value: value }
          : { double_value: value },
  }))
}

type LogRecord = Readonly<Record<string, unknown>>

/** A record that has a time and these attributes. */
function recordOf(attributes: Attributes): LogRecord {
  return { time_unix_nano: TIME, severity_number: 9, attributes: pairs(attributes) }
}

function logsOf(...log_records: readonly LogRecord[]): Uint8Array {
  return message
    .encode(
      message.fromObject({
        resource_logs: [
          {
            resource: { attributes: pairs({ 'service.name': 'web', 'k8s.namespace.name': 'shop' }) },
            scope_logs: [{ log_records }],
          },
        ],
      }),
    )
    .finish()
}

function decodedLogs(bytes: Uint8Array) {
  const columns = emptyColumns()
  decodeOtlpLogs(bytes, columns)
  return { events: eventsOf(columns), skipped: columns.skipped }
}

t.test('what Envoy sent decodes to the events it means', (t) => {
  for (const name of ['envoy-logs-1', 'envoy-logs-2']) {
    const want = fixture(`${name}.events.ndjson`)
      .toString()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    t.same(decodedLogs(fixture(`${name}.bin`)), { events: want, skipped: 0 }, name)
  }
  t.end()
})

t.test('a record with the attributes of a request is one', (t) => {
  const bytes = logsOf(
    recordOf({
      'http.request.method': 'GET',
      'url.path': '/cart',
      'url.query': 'id=7',
      'http.response.status_code': 503,
      'http.server.request.duration': 0.0125,
      response_flags: 'UF',
      'client.address': '10.0.0.7',
    }),
  )
  t.same(decodedLogs(bytes).events, [
    {
      kind: 'request',
      timeMs: 1_795_512_480_500,
      direction: 'inbound',
      source: { ip: '10.0.0.7' },
      destination: { namespace: 'shop', kind: 'deployment', name: 'web', service: 'web' },
      method: 'GET',
      path: '/cart?id=7',
      status: 503,
      reason: 'UF',
      latencyMicros: 12_500,
    },
  ])
  t.match(
    decodedLogs(logsOf(recordOf({ 'http.method': 'GET', duration_ms: '1.5', direction: 'outbound' }))).events,
    [{ direction: 'outbound', source: { name: 'web' }, latencyMicros: 1500 }],
  )
  t.end()
})

t.test('a record without a time, a duration, or a method and a status is skipped', (t) => {
  const attributes = pairs({ 'http.method': 'GET', duration_ms: '1' })
  const cases: readonly LogRecord[] = [
    recordOf({ message: 'started' }),
    recordOf({ 'http.method': 'GET' }),
    recordOf({ duration_ms: '1' }),
    recordOf({ 'http.method': 'GET', duration_ms: '-' }),
    recordOf({ 'http.method': 'GET', duration_ms: '-1' }),
    recordOf({ 'http.method': 'GET', duration_ms: '999999999999999' }),
    { attributes },
  ]
  for (const record of cases)
    t.same(decodedLogs(logsOf(record)), { events: [], skipped: 1 }, JSON.stringify(record))
  t.match(
    decodedLogs(logsOf({ attributes, observed_time_unix_nano: TIME })),
    { events: [{ timeMs: 1_795_512_480_500 }], skipped: 0 },
    'the time that it was observed at stands in',
  )
  t.match(
    decodedLogs(
      logsOf(recordOf({ message: 'started' }), recordOf({ 'http.status': '200', duration_ms: '1' })),
    ),
    {
      events: [{ status: 200 }],
      skipped: 1,
    },
  )
  t.end()
})

t.test('messages cut anywhere, and with flipped bits, decode or fail with a fault', (t) => {
  const rng = random(3)
  let faults = 0
  const tryOne = (bytes: Uint8Array) => {
    try {
      decodeOtlpLogs(bytes, emptyColumns())
    } catch (error) {
      faults++
      if (!(error instanceof DecodeError)) throw error
    }
  }
  const bytes = fixture('envoy-logs-1.bin')
  for (let length = 0; length < bytes.length; length++) tryOne(bytes.subarray(0, length))
  for (let i = 0; i < 2000; i++) {
    const flipped = Uint8Array.from(bytes)
    for (let flips = 1 + Math.floor(rng() * 3); flips > 0; flips--)
      flipped[Math.floor(rng() * flipped.length)]! ^= 1 << Math.floor(rng() * 8)
    tryOne(flipped)
  }
  t.ok(faults > 500)
  t.end()
})
