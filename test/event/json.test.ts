import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import { eventsOf } from '../../src/event/event-objects.ts'
import type { MeshEvent } from '../../src/event/event.ts'
import { decodeJson } from '../../src/event/json-decoder.ts'
import { eventToJson } from '../../src/event/json-encoder.ts'
import { meshEvents } from './arbitraries.ts'
import { columnsOf, emptyColumns, faultOf } from './columns.ts'

const encoder = new TextEncoder()

function decoded(text: string): MeshEvent[] {
  const columns = emptyColumns()
  decodeJson(encoder.encode(text), columns)
  return eventsOf(columns)
}

function fault(text: string): string {
  return faultOf(() => decodeJson(encoder.encode(text), emptyColumns()))
}

/** An event with the required fields and those given; undefined leaves one out. */
function json(fields: object = {}): string {
  return JSON.stringify({ time: 1000, direction: 'inbound', destination: {}, latencyMicros: 5, ...fields })
}

const EVENT: MeshEvent = {
  kind: 'request',
  timeMs: 1000,
  direction: 'inbound',
  destination: {},
  latencyMicros: 5,
}

await t.test('any events come back as they were written', async () => {
  fc.assert(
    fc.property(meshEvents, fc.constantFrom('lines', 'array', 'indented'), (events, form) => {
      const objects = events.map(eventToJson)
      const text =
        form === 'lines'
          ? objects.map((object) => JSON.stringify(object)).join('\n')
          : JSON.stringify(objects, null, form === 'array' ? 0 : 2)
      assert.deepEqual(decoded(text), events)
    }),
    { seed: 7, numRuns: 400 },
  )
})

await t.test('the example of the reference decodes', async (t) => {
  const text = `{"time":"2026-11-24T10:00:00.123Z","cluster":"east","direction":"inbound","proxy":"web-7c8d-x2k",
    "source":{"namespace":"emojivoto","kind":"deployment","name":"vote-bot","pod":"vote-bot-5d8-q9","ip":"10.1.2.3"},
    "destination":{"namespace":"emojivoto","kind":"deployment","name":"web","pod":"web-7c8d-x2k","service":"web-svc"},
    "method":"GET","scheme":"http","authority":"web-svc.emojivoto:80","path":"/api/vote?choice=:doughnut:","status":200,
    "latencyMicros":1234,"requestBytes":0,"responseBytes":512,"tls":true,"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"}`
  t.same(decoded(text), [
    {
      kind: 'request',
      timeMs: Date.UTC(2026, 10, 24, 10, 0, 0, 123),
      direction: 'inbound',
      proxy: 'web-7c8d-x2k',
      source: {
        cluster: 'east',
        namespace: 'emojivoto',
        kind: 'deployment',
        name: 'vote-bot',
        pod: 'vote-bot-5d8-q9',
        ip: '10.1.2.3',
      },
      destination: {
        cluster: 'east',
        namespace: 'emojivoto',
        kind: 'deployment',
        name: 'web',
        pod: 'web-7c8d-x2k',
        service: 'web-svc',
      },
      method: 'GET',
      scheme: 'http',
      authority: 'web-svc.emojivoto:80',
      path: '/api/vote?choice=:doughnut:',
      status: 200,
      latencyMicros: 1234,
      responseBytes: 512,
      tls: true,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
  ])
})

await t.test('a record is any mix of objects, arrays and white space', async (t) => {
  const one = json()
  const cases: readonly [string, number][] = [
    ['', 0],
    [' \n\t\r\n', 0],
    ['[]', 0],
    [one, 1],
    [`[${one}]`, 1],
    [`${one}\n${one}`, 2],
    [`${one}\r\n\r\n${one}\r\n`, 2],
    [`\n\n${one} ${one}${one}`, 3],
    [`[${one},${one}]\n${one}\n[${one}]`, 4],
    [`\uFEFF${one}`, 1],
    [one.replaceAll(/[{}:,]/g, ' $& '), 1],
  ]
  for (const [text, count] of cases) {
    t.same(
      decoded(text),
      Array.from({ length: count }, () => EVENT),
      JSON.stringify(text),
    )
  }
})

await t.test('fields are read as the reference says', async (t) => {
  const cases: readonly [object, object][] = [
    [{ time: '1970-01-01T00:00:01Z' }, {}],
    [{ time: '1970-01-01T02:00:01.000999999+02:00' }, {}],
    [{ time: 1000.9 }, {}],
    [{ kind: 'request', direction: 'outbound' }, { direction: 'outbound' }],
    [
      { direction: 'inbound', cluster: 'east', source: { name: 'a' } },
      { source: { cluster: 'east', name: 'a' }, destination: { cluster: 'east' } },
    ],
    [
      { cluster: 'east', source: { cluster: 'west' }, destination: { cluster: 'north' } },
      { source: { cluster: 'west' }, destination: { cluster: 'north' } },
    ],
    [{ cluster: 'east' }, { destination: { cluster: 'east' } }],
    [
      { cluster: 'east', direction: 'outbound' },
      { direction: 'outbound', source: { cluster: 'east' }, destination: { cluster: 'east' } },
    ],
    [{ destination: { kind: 'Deployment' } }, { destination: { kind: 'deployment' } }],
    [{ destination: { kind: 'StatefulSets' } }, { destination: { kind: 'statefulset' } }],
    [{ destination: { kind: 'Ingress', port: 0 } }, { destination: { kind: 'ingress' } }],
    [
      { status: 0, grpcStatus: 0 },
      { status: 0, grpcStatus: 0 },
    ],
    [{ traceId: 'ABCDEF00000000000000000000000001' }, { traceId: 'abcdef00000000000000000000000001' }],
    [{ traceId: '0'.repeat(32) }, {}],
    [{ tls: false, reset: false }, { tls: false }],
    [{ path: '/"\\\u00e9\n\ud83d\ude00' }, { path: '/"\\é\n😀' }],
    [{ path: '\ud800' }, { path: '\ufffd' }],
    [
      { requestHeaders: { Accept: 'a', 'X-B': ['b', 'c'], n: null, none: [] } },
      {
        requestHeaders: [
          { name: 'accept', value: 'a' },
          { name: 'x-b', value: 'b' },
          { name: 'x-b', value: 'c' },
        ],
      },
    ],
    [
      Object.fromEntries(
        [
          'cluster',
          'kind',
          'proxy',
          'source',
          'method',
          'status',
          'reset',
          'tls',
          'traceId',
          'requestHeaders',
        ].map((field) => [field, null]),
      ),
      {},
    ],
    [
      { latencyMicros: 1e3, requestBytes: 1.5e1 },
      { latencyMicros: 1000, requestBytes: 15 },
    ],
  ]
  for (const [fields, want] of cases) {
    t.same(decoded(json(fields)), [{ ...EVENT, ...want }], JSON.stringify(fields))
  }
})

await t.test('a connection event needs no latency', async (t) => {
  const fields = {
    kind: 'connection',
    latencyMicros: undefined,
    open: 3,
    opened: 2,
    closed: 0,
    readBytes: 7,
    path: '/',
  }
  t.same(decoded(json(fields)), [
    {
      kind: 'connection',
      timeMs: 1000,
      direction: 'inbound',
      destination: {},
      open: 3,
      opened: 2,
      readBytes: 7,
    },
  ])
})

await t.test('numbers may be written in every way that JSON has', async (t) => {
  for (const text of [
    '5',
    '5.0',
    '0.5e1',
    '50E-1',
    '5e0',
    '0.000000000000000005e+18',
    '5.00000000000000000000000',
  ]) {
    t.same(decoded(json().replace(':5', `:${text}`)), [EVENT], text)
  }
  t.same(decoded(json().replace(':5', ':-0')), [{ ...EVENT, latencyMicros: 0 }])
})

await t.test('unknown fields are ignored and counted, at every level', async (t) => {
  const columns = emptyColumns()
  const text = json({
    spanId: 'x',
    nested: { a: [1, { b: null }], 'c"': '\\' },
    source: { zone: 1, name: 'a' },
    destination: { labels: {} },
  })
  decodeJson(encoder.encode(text), columns)
  t.equal(columns.unknownFields, 4)
  t.same(eventsOf(columns), [{ ...EVENT, source: { name: 'a' } }])
})

await t.test('of a field given twice the last counts, whole', async (t) => {
  const text = `{"time":1,"time":1000,"direction":"outbound","direction":"inbound","source":{"name":"a"},"source":{"pod":"b"},
    "destination":{"name":"x","name":"y"},"latencyMicros":1,"latencyMicros":5,"status":500,"status":null,
    "requestHeaders":{"a":"1"},"requestHeaders":{"b":"2"}}`
  t.same(decoded(text), [
    {
      ...EVENT,
      source: { pod: 'b' },
      destination: { name: 'y' },
      requestHeaders: [{ name: 'b', value: '2' }],
    },
  ])
})

await t.test('a name that only resembles the one expected is another', async (t) => {
  const columns = emptyColumns()
  const first = '{"time":1000,"direction":"inbound","latencyMicros":5,"destination":{"identity":"a"}}'
  const second =
    '{"time":1000,"direction":"inbound","latencyMicros":5,"latencyMicroz":6,"destinatioN":1,"destination":{"identitx":"b"}}'
  decodeJson(encoder.encode(`${first}${first}${second}`), columns)
  t.same(eventsOf(columns), [
    { ...EVENT, destination: { identity: 'a' } },
    { ...EVENT, destination: { identity: 'a' } },
    EVENT,
  ])
  t.equal(columns.unknownFields, 3)
})

await t.test('a record may lie anywhere in a larger buffer', async (t) => {
  const text = json({ path: '/path/of/some/length' })
  const around = encoder.encode(`{"xxx${text}yyy`)
  const columns = emptyColumns()
  decodeJson(around.subarray(5, around.length - 3), columns)
  t.same(eventsOf(columns), [{ ...EVENT, path: '/path/of/some/length' }])
})

await t.test('keys of the prototype are unknown fields like any other', async (t) => {
  const text = json().replace('{', '{"__proto__":{"status":500},"constructor":1,"toString":[],"":0,')
  t.same(decoded(text), [EVENT])
  t.same(
    decoded('{"destination":{"__proto__":{"name":"x"}},"time":1000,"direction":"inbound","latencyMicros":5}'),
    [EVENT],
  )
  t.equal(({} as Record<string, unknown>)['status'], undefined)
})

await t.test('fields in any order, sender after sender, are the same event', async () => {
  const fields = Object.entries(JSON.parse(json({ proxy: 'p', status: 200, x: 1 })) as object)
  const order = fc.shuffledSubarray(fields, { minLength: fields.length })
  const want = [{ ...EVENT, proxy: 'p', status: 200 }]
  fc.assert(
    fc.property(order, (shuffled) => {
      assert.deepEqual(decoded(JSON.stringify(Object.fromEntries(shuffled))), want)
    }),
    { seed: 8, numRuns: 50 },
  )
})

await t.test('a malformed record has one fault that says what and where', async (t) => {
  const good = json()
  const cases: readonly [string, string][] = [
    [
      `${good}\n${good}\n${json({ latencyMicros: '12ms' })}`,
      'field-value line 3: "latencyMicros" must be a whole number of microseconds, got "12ms"',
    ],
    [
      `[${good},${good},${json({ destination: { port: 'http' } })}]`,
      'field-value [2].destination.port: must be a whole number from 0 to 65535, got "http"',
    ],
    [
      `\n[${good},${json({ destination: { port: 65_536 } })}]`,
      'field-value line 2 [1].destination.port: must be at most 65535, got 65536',
    ],
    [
      json({ latencyMicros: 1.5 }),
      'field-value line 1: "latencyMicros" must be a whole number of microseconds, got 1.5',
    ],
    [
      json({ latencyMicros: -1 }),
      'field-value line 1: "latencyMicros" must be a whole number of microseconds, got -1',
    ],
    [
      json({ latencyMicros: 2 ** 40 + 1 }),
      'field-value line 1: "latencyMicros" must be at most 1099511627776, got 1099511627777',
    ],
    [
      good.replace(':5', ':1e999'),
      'field-value line 1: "latencyMicros" must be at most 1099511627776, got 1e999',
    ],
    [
      good.replace(':5', `:${'9'.repeat(50)}`),
      `field-value line 1: "latencyMicros" must be at most 1099511627776, got ${'9'.repeat(40)}…`,
    ],
    [json({ latencyMicros: undefined }), 'field-missing line 1: "latencyMicros" is missing'],
    [json({ time: null }), 'field-missing line 1: "time" is missing'],
    [`[${json({ direction: undefined })}]`, 'field-missing [0]: "direction" is missing'],
    [`\n\n${json({ destination: undefined })}`, 'field-missing line 3: "destination" is missing'],
    [
      json({ time: 'yesterday' }),
      'field-value line 1: "time" must be an RFC 3339 time with its zone, or epoch milliseconds, got "yesterday"',
    ],
    [
      json({ time: '2026-11-24T10:00:00' }),
      'field-value line 1: "time" must be an RFC 3339 time with its zone, or epoch milliseconds, got "2026-11-24T10:00:00"',
    ],
    [
      json({ time: -1 }),
      'field-value line 1: "time" must be an RFC 3339 time with its zone, or epoch milliseconds, got -1',
    ],
    [json({ kind: 'span' }), 'field-value line 1: "kind" must be "request" or "connection", got "span"'],
    [json({ direction: 'in' }), 'field-value line 1: "direction" must be "inbound" or "outbound", got "in"'],
    [json({ direction: 1 }), 'field-value line 1: "direction" must be "inbound" or "outbound", got 1'],
    [json({ source: 'web' }), 'field-value line 1: "source" must be an object, got "web"'],
    [json({ source: { name: 7 } }), 'field-value line 1: "source.name" must be a string, got 7'],
    [
      json({ destination: { kind: ['x'] } }),
      'field-value line 1: "destination.kind" must be a string, got an array',
    ],
    [json({ method: { a: 1 } }), 'field-value line 1: "method" must be a string, got an object'],
    [json({ status: '200' }), 'field-value line 1: "status" must be a whole number from 0 to 999, got "200"'],
    [json({ status: 1000 }), 'field-value line 1: "status" must be at most 999, got 1000'],
    [
      json({ grpcStatus: -1 }),
      'field-value line 1: "grpcStatus" must be a whole number from 0 to 999, got -1',
    ],
    [json({ reset: 'yes' }), 'field-value line 1: "reset" must be true or false, got "yes"'],
    [json({ tls: 1 }), 'field-value line 1: "tls" must be true or false, got 1'],
    [
      json({ requestBytes: 2 ** 53 }),
      `field-value line 1: "requestBytes" must be at most ${2 ** 53 - 1}, got ${2 ** 53}`,
    ],
    [json({ open: 1.5 }), 'field-value line 1: "open" must be a whole number of connections, got 1.5'],
    [json({ traceId: 'abc' }), 'field-value line 1: "traceId" must be 32 hexadecimal digits, got "abc"'],
    [
      json({ traceId: 'g'.repeat(32) }),
      `field-value line 1: "traceId" must be 32 hexadecimal digits, got "${'g'.repeat(32)}"`,
    ],
    [
      json({ requestHeaders: [] }),
      'field-value line 1: "requestHeaders" must be an object of names to values, got an array',
    ],
    [
      json({ responseHeaders: { Age: 1 } }),
      'field-value line 1: "responseHeaders.Age" must be a string or an array of strings, got 1',
    ],
    [
      json({ responseHeaders: { Age: ['1', 2] } }),
      'field-value line 1: "responseHeaders.Age" must be a string or an array of strings, got 2',
    ],
    ['[1]', 'field-value [0]: must be an event, which is an object, got 1'],
    [`[${good},[]]`, 'field-value [1]: must be an event, which is an object, got an array'],
    [
      '1',
      'json-syntax line 1: expected an event, which is an object, or an array of events, got "1" (column 1)',
    ],
    [
      `${good},${good}`,
      'json-syntax line 1: expected an event, which is an object, or an array of events, got "," (column 71)',
    ],
    [
      `${good}\n${good}\u0001`,
      'json-syntax line 2: expected an event, which is an object, or an array of events, got byte 0x01 (column 71)',
    ],
    [
      '{',
      'json-syntax line 1: the input ends where the name of a field in double quotes should be (column 2)',
    ],
    ['{"time":1', 'json-syntax line 1: the input ends where "," or "}" should be (column 10)'],
    ['{"time":1,}', 'json-syntax line 1: expected the name of a field in double quotes, got "}" (column 11)'],
    ['{"time" 1}', 'json-syntax line 1: expected ":", got "1" (column 9)'],
    ["{'time':1}", 'json-syntax line 1: expected the name of a field in double quotes, got "\'" (column 2)'],
    ['{"time":01}', 'json-syntax line 1: a number must not begin with 0 (column 9)'],
    ['{"x":1.}', 'json-syntax line 1: expected a digit, got "}" (column 8)'],
    ['{"x":-}', 'json-syntax line 1: expected a digit, got "}" (column 7)'],
    ['{"x":tru}', 'json-syntax line 1: expected true, got "}" (column 9)'],
    ['{"x":nul', 'json-syntax line 1: the input ends where null should be (column 9)'],
    ['{"x":NaN}', 'json-syntax line 1: expected a value, got "N" (column 6)'],
    ['{"x":"\n"}', 'json-syntax line 1: a control character inside a string must be escaped (column 7)'],
    ['{"x":"\\q"}', 'json-syntax line 1: expected an escape that JSON knows, got "q" (column 8)'],
    ['{"x":"\\u12g4"}', 'json-syntax line 1: expected a hexadecimal digit, got "g" (column 11)'],
    ['{"x":"\\', 'json-syntax line 1: the input ends where an escape that JSON knows should be (column 8)'],
    ['{"x":"abc', 'json-syntax line 1: the input ends inside a string (column 10)'],
    ['[', 'json-syntax line 1: the input ends where a value should be (column 2)'],
    [`[${good}`, 'json-syntax line 1: the input ends where "," or "]" should be (column 72)'],
    [`{"x":${'['.repeat(100_000)}`, 'too-deep line 1: values are nested more than 64 deep'],
  ]
  for (const [text, want] of cases) t.equal(fault(text), want)
})

await t.test('nothing of a malformed record stays in the columns', async (t) => {
  const columns = columnsOf([{ ...EVENT, requestHeaders: [{ name: 'a', value: 'b' }] }])
  const text = `${json({ traceId: '1'.repeat(32), requestHeaders: { a: 'b' }, x: 1 })}\n{}`
  t.throws(() => decodeJson(encoder.encode(text), columns))
  t.same(eventsOf(columns), [])
  t.equal(columns.headers, 0)
  t.equal(columns.unknownFields, 0)
})

await t.test('the bytes of an event that are not UTF-8 read as replacement characters', async (t) => {
  const columns = emptyColumns()
  decodeJson(Buffer.from(json({ path: '/xyz' }).replace('xyz', '\xff'), 'latin1'), columns)
  t.same(eventsOf(columns), [{ ...EVENT, path: '/\ufffd' }])
})

await t.test('what JSON.parse accepts is accepted, and nothing else', async (t) => {
  const value = fc.oneof(
    fc.json({ maxDepth: 4 }),
    fc
      .array(fc.constantFrom(...Array.from('[]{},:"\\/ue0123456789.-+Ebtrufalsn \n\u0001é')), {
        maxLength: 12,
      })
      .map((c) => c.join('')),
  )
  let accepted = 0
  fc.assert(
    fc.property(
      value,
      fc.nat(),
      fc.constantFrom('', '"', ',', '}', '\\', '0', '\u0000'),
      (text, at, mutation) => {
        const mutated =
          text.slice(0, at % (text.length + 1)) + mutation + text.slice((at % (text.length + 1)) + 1)
        for (const candidate of [text, mutated]) {
          const wrapped = json().replace('{', () => `{"x":${candidate},`)
          let parses = true
          try {
            JSON.parse(wrapped)
          } catch {
            parses = false
          }
          const found = fault(wrapped)
          if (parses) assert.ok(!found.startsWith('json-syntax'), found)
          else assert.notEqual(found, 'none')
          if (parses) accepted++
        }
      },
    ),
    { seed: 9, numRuns: 2000 },
  )
  t.ok(accepted > 500 && accepted < 3500, `${accepted} of 4000 parse`)
})

await t.test('a record cut anywhere, or with bytes changed, is decoded or has a fault', async (t) => {
  const text = `${json({ source: { name: 'é', port: 1 }, requestHeaders: { a: ['b'] }, tls: true })}\n[${json({ time: '2026-11-24T10:00:00Z' })}]`
  const bytes = encoder.encode(text)
  const columns = emptyColumns()
  let faults = 0
  for (let length = 0; length < bytes.length; length++) {
    if (faultOf(() => decodeJson(bytes.subarray(0, length), columns)) !== 'none') faults++
  }
  t.equal(faults, bytes.length - 3, 'only nothing, one whole line and its end are records')
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 3,
      }),
      (changes) => {
        const changed = Uint8Array.from(bytes)
        for (const [at, byte] of changes) changed[at] = byte
        faultOf(() => decodeJson(changed, columns))
      },
    ),
    { seed: 10, numRuns: 2000 },
  )
})
