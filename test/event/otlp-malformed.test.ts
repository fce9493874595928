import { readFileSync } from 'node:fs'
import t from 'tap'
import { DecodeError } from '../../src/event/decode-error.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeOtlpTraces } from '../../src/event/otlp-decoder.ts'
import { encodeOtlpTraces } from '../../src/event/otlp-encoder.ts'
import { decodeOtlpTracesJson } from '../../src/event/otlp-json-decoder.ts'
import { random } from '../random.ts'
import { emptyColumns, faultOf } from './columns.ts'
import { CLIENT, decoded, decodedJson, messageOf, SERVER } from './otlp-decoding.ts'
import { sdkServerMessage } from './otlp-messages.ts'
import { toJson, toProtobuf } from './otlp-reference.ts'

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (digits) => Number.parseInt(digits, 16))
}

/** A span's fields within all that is around them. */
function span(fields: string): Uint8Array {
  const inner = hex(fields)
  return Uint8Array.of(0x0a, inner.length + 4, 0x12, inner.length + 2, 0x12, inner.length, ...inner)
}

const TIMES = '39 01 00 00 00 00 00 00 00 41 02 00 00 00 00 00 00 00'

t.test('malformed protobuf is one error that says what and where', (t) => {
  const cases: readonly (readonly [name: string, bytes: Uint8Array, want: string])[] = [
    [
      'a length beyond the end',
      hex('0a 05 12'),
      'truncated byte 1: a length of 5 bytes, but only 1 are left',
    ],
    ['a tag alone', hex('0a'), 'truncated byte 1: the input ends inside a number'],
    [
      'a time cut short',
      span('30 02 39 01 02'),
      'truncated byte 9: 8 bytes are expected, but only 2 are left',
    ],
    ['field number 0', hex('02 00'), 'protobuf byte 1: a field has the impossible number 0'],
    ['JSON', new TextEncoder().encode('{"resourceSpans":[]}'), ''],
    ['a varint without end', hex('10' + 'ff'.repeat(12)), 'protobuf byte 1: a number is longer than 64 bits'],
    ['an impossible wire type', hex('17 00'), 'protobuf byte 1: a field has the impossible wire type 7'],
    [
      'a span that is a number',
      hex('0a 04 12 02 10 01'),
      'field-type byte 5: field 2 has the wire type 0 where 2 is expected',
    ],
    [
      'a kind that is text',
      span('32 01 32'),
      'field-type byte 8: field 6 has the wire type 2 where 0 is expected',
    ],
    [
      'an int that goes on after its value',
      span(`30 02 ${TIMES} 4a 0d 0a 07 6e 6f 64 65 5f 69 64 12 02 18 80 01 00`),
      'truncated byte 40: the input ends inside a number',
    ],
    [
      'a trace id of 8 bytes',
      span('0a 08 01 02 03 04 05 06 07 08'),
      'trace-id byte 8: a trace id has 16 bytes, this one has 8',
    ],
    [
      'no times',
      span('30 02'),
      "time-missing byte 6: a request's span needs startTimeUnixNano and endTimeUnixNano, and one of them is 0 or left out",
    ],
    [
      'an end before its start',
      span(`30 03 ${TIMES.replace('01', '03')}`),
      'time-order byte 6: the span ends before it starts',
    ],
    [
      'thirteen days',
      toProtobuf(
        messageOf(SERVER, {}, { span: { startTimeUnixNano: '1', endTimeUnixNano: '1123200000000000000' } }),
      ),
      'out-of-range byte 8: the span lasts longer than 1099511627776 µs',
    ],
  ]
  for (const [name, bytes, want] of cases) {
    if (want === '')
      t.not(
        faultOf(() => decoded(bytes)),
        'none',
        name,
      )
    else
      t.equal(
        faultOf(() => decoded(bytes)),
        want,
        name,
      )
  }
  t.end()
})

t.test('what only looks odd is read', (t) => {
  const cases: readonly (readonly [name: string, bytes: Uint8Array, want: object])[] = [
    ['nothing', hex(''), { events: [], skipped: 0, unknownFields: 0 }],
    [
      'fields in another order, and twice',
      span(`${TIMES} 30 02 ${TIMES} 30 03`),
      { events: [{ direction: 'outbound' }] },
    ],
    [
      'tags and lengths in more bytes than needed',
      span(`b0 00 82 00 ${TIMES}`),
      { events: [{ direction: 'inbound' }] },
    ],
    ['a field from the future', span(`30 02 ${TIMES} fa 07 01 00`), { events: [{}], unknownFields: 1 }],
    ['a group', span(`30 02 ${TIMES} fb 07 08 01 fc 07`), { events: [{}], unknownFields: 1 }],
    [
      'a value before its key',
      span(`30 02 ${TIMES} 4a 12 12 05 0a 03 47 45 54 0a 09 75 72 6c 2e 70 61 74 68 21`),
      { unknownFields: 1 },
    ],
    [
      'a value before its key',
      span(`30 02 ${TIMES} 4a 11 12 05 0a 03 47 45 54 0a 08 75 72 6c 2e 70 61 74 68`),
      { events: [{ path: 'GET' }] },
    ],
    [
      'an attribute without value',
      span(`30 02 ${TIMES} 4a 0a 0a 08 75 72 6c 2e 70 61 74 68`),
      { events: [{}], unknownFields: 0 },
    ],
    [
      'an attribute with a field from the future',
      span(`30 02 ${TIMES} 4a 13 0a 08 75 72 6c 2e 70 61 74 68 12 05 0a 03 47 45 54 18 01`),
      { events: [{ path: 'GET' }], unknownFields: 1 },
    ],
    [
      'a value with a field from the future',
      span(`30 02 ${TIMES} 4a 13 0a 08 75 72 6c 2e 70 61 74 68 12 07 0a 03 47 45 54 40 01`),
      { events: [{ path: 'GET' }], unknownFields: 1 },
    ],
    ['an attribute without anything', span(`30 02 ${TIMES} 4a 00`), { events: [{}], unknownFields: 1 }],
    ['an empty trace id', span(`0a 00 30 02 ${TIMES}`), { events: [{}] }],
    ['a span that is no request, whatever it holds', span('30 01 ff ff'), { events: [], skipped: 1 }],
  ]
  for (const [name, bytes, want] of cases) t.match(decoded(bytes), want, name)
  t.end()
})

t.test('texts of spans in one message that differ in any byte are told apart', (t) => {
  for (let length = 1; length <= 20; length++) {
    const texts = Array.from({ length }, (_, i) => `${'a'.repeat(i)}b${'a'.repeat(length - i - 1)}`)
    const [resourceSpans] = messageOf(SERVER, {}).resourceSpans
    const scopeSpans = texts.map(
      (text) => messageOf(SERVER, { 'http.route': text }).resourceSpans[0]!.scopeSpans[0]!,
    )
    const { events } = decoded(toProtobuf({ resourceSpans: [{ ...resourceSpans, scopeSpans }] }))
    t.match(
      events,
      texts.map((route) => ({ route })),
    )
  }
  t.end()
})

t.test('a resource may come after its spans', (t) => {
  const message = toProtobuf(messageOf(SERVER, {}, { resource: { 'service.name': 'web' } }))
  const { 1: resourceLength = 0 } = message.subarray(2)
  const resource = message.subarray(2, 4 + resourceLength)
  const spans = message.subarray(4 + resourceLength)
  const turned = Uint8Array.of(...message.subarray(0, 2), ...spans, ...resource)
  t.same(decoded(turned), decoded(message))
  t.match(decoded(turned).events, [{ destination: { name: 'web' } }])
  t.end()
})

t.test('attributes and values longer than 127 bytes are read', (t) => {
  const long = 'x'.repeat(200)
  const attributes = {
    'url.path': `/${long}`,
    [`http.request.header.${long}`]: [long],
    'http.request.method': long,
  }
  t.match(decoded(toProtobuf(messageOf(CLIENT, attributes))).events, [
    { path: `/${long}`, method: long, requestHeaders: [{ name: long, value: long }] },
  ])
  t.end()
})

function withSpan(span: object): object {
  return { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] }
}

function request(fields: object): object {
  return withSpan({ kind: 2, ...fields })
}

t.test('malformed JSON is one error that says what and where', (t) => {
  const AT = 'resourceSpans[0].scopeSpans[0].spans[0]'
  const cases: readonly (readonly [name: string, json: unknown, want: string | RegExp])[] = [
    [
      'cut short',
      '{"resourceSpans":[',
      /^json-syntax line 1: the input ends where .* should be \(column 19\)$/,
    ],
    ['text behind it', '{}\n{}', 'json-syntax line 2: expected the end of the input, got "{" (column 1)'],
    ['nothing', '', /^json-syntax line 1: the input ends/],
    ['no object', '[]', 'field-type body: an object is expected, an array is found'],
    ['null', 'null', 'field-type body: an object is expected, null is found'],
    [
      'spans that are no list',
      { resourceSpans: {} },
      'field-type resourceSpans: an array is expected, object is found',
    ],
    [
      'a span that is no object',
      { resourceSpans: [7] },
      'field-type resourceSpans[0]: an object is expected, number is found',
    ],
    [
      'a kind that is no kind',
      request({ kind: 'SERVER' }),
      /^field-type resourceSpans\[0\].*\.kind: a number or one of SPAN_KIND/,
    ],
    ['a kind that is a list', request({ kind: [2] }), /\.kind: .* an array is found$/],
    [
      'a trace id that is no hexadecimal',
      request({ traceId: 'x'.repeat(32) }),
      `trace-id ${AT}.traceId: a trace id has 32 hexadecimal digits, this one is "${'x'.repeat(32)}"`,
    ],
    ['a trace id in base64', request({ traceId: 'S/kvNXezTaajzpKdDg5HNg==' }), /^trace-id /],
    [
      'a time that is no number',
      request({ startTimeUnixNano: 'now' }),
      `field-type ${AT}.startTimeUnixNano: a whole number below 2^64, best as a string is expected, string is found`,
    ],
    [
      'a time beyond 64 bits',
      request({ startTimeUnixNano: '18446744073709551616' }),
      /^field-type .*startTimeUnixNano/,
    ],
    ['a negative time', request({ endTimeUnixNano: -1 }), /^field-type .*endTimeUnixNano/],
    [
      'no times',
      request({}),
      `time-missing ${AT}: a request's span needs startTimeUnixNano and endTimeUnixNano, and one of them is 0 or left out`,
    ],
    [
      'an end before its start',
      request({ startTimeUnixNano: 2, endTimeUnixNano: 1 }),
      `time-order ${AT}: the span ends before it starts`,
    ],
    [
      'attributes that are no list',
      request({ attributes: { a: 1 } }),
      `field-type ${AT}.attributes: an array is expected, object is found`,
    ],
    [
      'a key that is no text',
      request({ attributes: [{ key: 1 }] }),
      `field-type ${AT}.attributes[0].key: a string is expected, number is found`,
    ],
    [
      'a value that is no object',
      request({ attributes: [{ key: 'url.path', value: '/' }] }),
      `field-type ${AT}.attributes[0].value: an object is expected, string is found`,
    ],
    [
      'a text that is none',
      request({ attributes: [{}, { key: 'url.path', value: { stringValue: 1 } }] }),
      `field-type ${AT}.attributes[1].value.stringValue: a string is expected, number is found`,
    ],
    [
      'an int that is none',
      request({ attributes: [{ key: 'url.path', value: { intValue: '1.5' } }] }),
      /^field-type .*attributes\[0\]\.value\.intValue: a whole number/,
    ],
    [
      'a flag that is none',
      request({ attributes: [{ key: 'error', value: { boolValue: 'true' } }] }),
      /value\.boolValue: true or false is expected/,
    ],
    [
      'a header that is none',
      request({
        attributes: [
          { key: 'http.request.header.a', value: { arrayValue: { values: [{ stringValue: 1 }] } } },
        ],
      }),
      /arrayValue\.values: a string is expected/,
    ],
    [
      'a resource that is none',
      { resourceSpans: [{ resource: [] }] },
      'field-type resourceSpans[0].resource: an object is expected, an array is found',
    ],
    [
      'an attribute of a resource',
      { resourceSpans: [{ resource: { attributes: [null, 7] } }] },
      'field-type resourceSpans[0].resource.attributes[1]: an object is expected, number is found',
    ],
  ]
  for (const [name, json, want] of cases) {
    const fault = faultOf(() => decodedJson(json))
    if (typeof want === 'string') t.equal(fault, want, name)
    else t.match(fault, want, name)
  }
  t.end()
})

t.test('OTLP/JSON may be written in other ways', (t) => {
  const plain = messageOf(SERVER, {}).resourceSpans[0]!.scopeSpans[0]!.spans[0]!
  const times = { startTimeUnixNano: plain.startTimeUnixNano, endTimeUnixNano: plain.endTimeUnixNano }
  const want = decodedJson(withSpan({ kind: 2, ...times }))
  t.same(decodedJson(withSpan({ kind: 'SPAN_KIND_SERVER', ...times })), want, 'an enum by its name')
  t.same(
    decodedJson(
      `{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":2,"startTimeUnixNano" : 1661145617085456942
        ,"endTimeUnixNano":1661145617086691000}]}]}]}`,
    ),
    want,
    'times as numbers, exact beyond 2^53',
  )
  t.same(
    decodedJson(withSpan({ kind: 2, ...times, attributes: null, name: null, status: null })),
    want,
    'null for none',
  )
  t.match(
    decodedJson(withSpan({ kind: 2, ...times, new: 1, status: { code: 'STATUS_CODE_ERROR', more: 1 } })),
    {
      events: [{ reset: true }],
      unknownFields: 2,
    },
  )
  t.match(decodedJson(withSpan({ kind: 2, ...times, traceId: '4BF92F3577B34DA6A3CE929D0E0E4736' })), {
    events: [{ traceId: '4bf92f3577b34da6a3ce929d0e0e4736' }],
  })
  const text = 'a"startTimeUnixNano":1661145617085456942,\\\u{1f369}\ud800'
  t.match(decodedJson(messageOf(SERVER, { 'url.path': text })), {
    events: [{ path: text.replace('\ud800', '\ufffd') }],
  })
  t.end()
})

t.test('a document that is not UTF-8 is refused', (t) => {
  const fault = faultOf(() => decodeOtlpTracesJson(hex('7b 22 ff 22 3a 31 7d'), emptyColumns()))
  t.equal(fault, 'json-syntax body: the text is not UTF-8')
  t.end()
})

/** Decodes, or throws a DecodeError; anything else is thrown on. */
function survive(decode: () => unknown): 'decoded' | 'refused' {
  try {
    decode()
    return 'decoded'
  } catch (error) {
    if (error instanceof DecodeError) return 'refused'
    throw error
  }
}

const MESSAGES: readonly (readonly [name: string, bytes: Uint8Array])[] = [
  ...['envoy-grpc-1', 'envoy-grpc-2', 'envoy-http', 'caddy'].map((name): readonly [string, Uint8Array] => [
    name,
    new Uint8Array(readFileSync(new URL(`../fixtures/otlp/${name}.bin`, import.meta.url))),
  ]),
  ['an SDK', sdkServerMessage(3, 1)],
  [
    'our encoder, with headers',
    encodeOtlpTraces([
      {
        kind: 'request',
        timeMs: 1_795_512_480_895,
        direction: 'outbound',
        destination: { name: 'cart', service: 'cart-svc', ip: '10.0.0.1', port: 80 },
        latencyMicros: 7,
        grpcStatus: 14,
        requestHeaders: [{ name: 'accept', value: '*/*' }],
      },
    ]),
  ],
]

for (const [name, bytes] of MESSAGES) {
  t.test(`what ${name} sent, cut at any byte, is refused or is a part of it`, (t) => {
    let refused = 0
    for (let end = 0; end < bytes.length; end++) {
      if (survive(() => decoded(bytes.slice(0, end))) === 'refused') refused++
    }
    // All but the cuts between one ResourceSpans and the next.
    t.ok(refused >= bytes.length - 2, `${refused} of ${bytes.length}`)
    t.end()
  })

  t.test(`what ${name} sent, with bits flipped, is refused or decoded`, (t) => {
    const next = random(bytes.length)
    let refused = 0
    for (let run = 0; run < 3000; run++) {
      const flipped = bytes.slice()
      const flips = 1 + Math.floor(next() * 4)
      for (let flip = 0; flip < flips; flip++) {
        flipped[Math.floor(next() * bytes.length)]! ^= 1 << Math.floor(next() * 8)
      }
      if (survive(() => decoded(flipped)) === 'refused') refused++
    }
    t.ok(refused > 100 && refused < 3000, `${refused} of 3000`)
    t.end()
  })

  t.test(`the OTLP/JSON of ${name}, with characters changed, is refused or decoded`, (t) => {
    const text = JSON.stringify(toJson(bytes))
    const next = random(text.length)
    let refused = 0
    for (let run = 0; run < 300; run++) {
      const at = Math.floor(next() * text.length)
      const char = '"{}[]:,0a\\'[Math.floor(next() * 10)]!
      if (survive(() => decodedJson(text.slice(0, at) + char + text.slice(at + 1))) === 'refused') refused++
    }
    t.ok(refused > 10 && refused < 300, `${refused} of 300`)
    t.end()
  })
}

t.test('columns that a fault left half filled are as good as new when cleared', (t) => {
  const columns = emptyColumns()
  const bytes = sdkServerMessage(3, 1)
  t.equal(
    survive(() => decodeOtlpTraces(bytes.subarray(0, bytes.length - 1), columns)),
    'refused',
  )
  const short = toProtobuf(messageOf(SERVER, { 'url.path': '/' }))
  columns.clear()
  decodeOtlpTraces(short, columns)
  t.same(eventsOf(columns), decoded(short).events)
  t.end()
})

t.test('messages are appended to what the columns hold', (t) => {
  const columns = emptyColumns()
  const first = toProtobuf(
    messageOf(SERVER, { 'url.path': '/1', x: 1 }, { span: { traceId: '0a'.repeat(16) } }),
  )
  const second = toProtobuf(messageOf(CLIENT, { 'url.path': '/2', x: 1 }))
  decodeOtlpTraces(first, columns)
  decodeOtlpTraces(second, columns)
  t.same(eventsOf(columns), [...decoded(first).events, ...decoded(second).events])
  t.equal(columns.unknownFields, 2)
  t.end()
})
