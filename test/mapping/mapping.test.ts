import t from 'tap'
import { Dictionary } from '../../src/event/dictionary.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { eventsOf } from '../../src/event/event-objects.ts'
import { decodeLines } from '../../src/mapping/mapping.ts'
import { parseMapping } from '../../src/mapping/parse-mapping.ts'

const MAPPING = parseMapping(
  `
events:
  - when: { field: kind, in: [tcp], not: true }
    direction: { value: inbound }
    time: { field: at, unit: ms, from: beginning }
    latency: { field: took, unit: ms }
    method: { fields: [verb, request.method], default: GET }
    path: request.uri
    authority: dotted.key
    status: { field: status, map: { '499': '' } }
    reset: { field: status, in: ['499'] }
    reason: { field: status, match: '^4(99)$', map: { '99': gone } }
    responseBytes: size
    tls: cipher
    source: { ip: { field: from, match: '^(.+):' }, port: { field: from, match: ':(\\d+)$' } }
    destination: { kind: { value: deployment }, name: host }
    traceId: { field: headers.traceparent, match: '^00-([0-9a-f]{32})-' }
  - when: { field: kind, in: [tcp] }
    kind: connection
    direction: { value: outbound }
    time: at
    opened: { value: 1 }
    readBytes: size
    destination: { service: backend }
`,
  'm.yaml',
)

function decoded(text: string) {
  const columns = new EventColumns(new Dictionary())
  decodeLines(MAPPING, new TextEncoder().encode(text), columns)
  return eventsOf(columns)
}

t.test('lines become events by the rules of their mapping', async (t) => {
  const lines = [
    '<30>Nov 24 10:00:00 edge tag: ' +
      JSON.stringify({
        at: 1_763_978_400_000.4,
        took: '12.3456',
        request: { method: 'PUT', uri: '/a?b=c' },
        'dotted.key': 'shop.example',
        status: '200',
        size: 7,
        cipher: 'x',
        from: '10.0.0.1:99',
        host: 'web',
        headers: { traceparent: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'] },
      }),
    '',
    JSON.stringify({
      at: '2025-11-24T12:00:00.5+0200',
      took: 0,
      status: 499,
      from: 'unix:',
      size: '-',
      host: '-',
    }),
    JSON.stringify({ kind: 'tcp', at: 1_763_978_400.25, size: 5, backend: 'db' }),
  ].join('\n')
  t.strictSame(decoded(lines), [
    {
      kind: 'request',
      timeMs: 1_763_978_400_012,
      direction: 'inbound',
      source: { ip: '10.0.0.1', port: 99 },
      destination: { kind: 'deployment', name: 'web' },
      tls: true,
      latencyMicros: 12_346,
      method: 'PUT',
      authority: 'shop.example',
      path: '/a?b=c',
      status: 200,
      responseBytes: 7,
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    },
    {
      kind: 'request',
      timeMs: 1_763_978_400_500,
      direction: 'inbound',
      source: { ip: 'unix' },
      destination: { kind: 'deployment' },
      tls: false,
      latencyMicros: 0,
      method: 'GET',
      reset: true,
      reason: 'gone',
    },
    {
      kind: 'connection',
      timeMs: 1_763_978_400_250,
      direction: 'outbound',
      destination: { service: 'db' },
      opened: 1,
      readBytes: 5,
    },
  ])
})

t.test('a line that cannot be an event is named with its field and what it is', async (t) => {
  const good = JSON.stringify({ at: 1000, took: 1 })
  for (const [line, message] of [
    ['GET / 200', /^line 2: is no JSON object: /],
    ['{"a":', /^line 2: is no JSON object: /],
    [
      JSON.stringify({ took: 1 }),
      'line 2, at: has no value; it must be a time: a number of ms since 1970, or RFC 3339 with its zone',
    ],
    [JSON.stringify({ at: 'now', took: 1 }), /^line 2, at: "now" is not a time/],
    [
      JSON.stringify({ at: '2026-02-31T10:00:00Z', took: 1 }),
      /^line 2, at: "2026-02-31T10:00:00Z" is not a time/,
    ],
    [
      JSON.stringify({ at: '2026-11-24T10:00:00', took: 1 }),
      /^line 2, at: .* is not a time.* with its zone$/,
    ],
    [JSON.stringify({ at: 5, took: 'fast' }), 'line 2, took: "fast" is not a latency in ms'],
    [JSON.stringify({ at: 5, took: -1 }), 'line 2, took: -1 is not a latency in ms'],
    [JSON.stringify({ at: 5, took: true }), 'line 2, took: true is not a latency in ms'],
    [JSON.stringify({ at: 5, took: '0x10' }), 'line 2, took: "0x10" is not a latency in ms'],
    [JSON.stringify({ at: 5, took: 1, size: 1.5 }), 'line 2, size: 1.5 is not a whole number'],
    [JSON.stringify({ at: 5, took: 1, size: true }), 'line 2, size: true is not a whole number'],
    [JSON.stringify({ at: 5, took: 1, size: 'Infinity' }), 'line 2, size: "Infinity" is not a whole number'],
    [JSON.stringify({ at: 1e300, took: 1 }), /^line 2, at: 1e\+300 is not a time/],
    [JSON.stringify({ at: '9'.repeat(400), took: 1 }), /^line 2, at: "9+ is not a time/],
    [
      JSON.stringify({ at: 5, took: 1, from: 'a:99999' }),
      'line 2, source.port: must be at most 65535, got 99999',
    ],
  ] as const) {
    t.throws(() => decoded(`${good}\n${line}`), { name: 'DecodeError', message }, line)
  }
})

t.test('what is too long is not matched', async (t) => {
  const ip = (from: string) => decoded(JSON.stringify({ at: 5, took: 1, from }))[0]!.source?.ip
  t.equal(ip(`${'1'.repeat(1022)}:2`), '1'.repeat(1022))
  t.equal(ip(`${'1'.repeat(1023)}:2`), undefined)
})

t.test('names of prototypes are no fields', async (t) => {
  const [event] = decoded(JSON.stringify({ at: 5, took: 1, request: [], __proto__: { verb: 'X' } }))
  t.match(event, { method: 'GET' })
})

t.test('what is wrong with a mapping is said, all of it, with lines', async (t) => {
  for (const [text, message] of [
    ['{}', 'm:1: lacks events: a list'],
    [
      'events:\n  - kind: stream\n    time: { field: a, unit: min }\n    latency: { match: "(" , field: b, from: end }\n    when: { in: 1 }\n',
      [
        'm:2: events.0.kind must be request or connection',
        'm:3: events.0.time.unit must be one of s, ms, us, ns',
        'm:4: events.0.latency.from is only said of a time',
        'm:4: events.0.latency.match Invalid regular expression: /(/u: Unterminated group',
        'm:2: events.0 lacks direction: { value: inbound } where the destination writes the log, else outbound',
        'm:5: events.0.when.field must be a text of 1 to 256 characters',
        'm:5: events.0.when.in must be a list of at most 1000',
      ].join('\n'),
    ],
    [
      'events:\n  - kind: connection\n    direction: { value: 1, field: a }\n    status: s\n    sources: x\n    path: {}\n',
      [
        'm:5: events.0.sources there is no sources here, only ',
        'm:2: events.0 lacks time: where the line says when it ended',
        'm:4: events.0.status is no field of a connection',
        'm:3: events.0.direction has field and value; what stands for a missing one is its default',
        'm:6: events.0.path lacks field: which one of the line, or value: one for all lines',
      ],
    ],
  ] as const) {
    try {
      parseMapping(text, 'm')
      t.fail('it is refused')
    } catch (error) {
      const found = (error as Error).message
      if (typeof message === 'string') t.equal(found, message)
      else for (const part of message) t.ok(found.includes(part), `${part}\n${found}`)
    }
  }
})
