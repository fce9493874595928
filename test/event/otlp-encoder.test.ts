import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { encodeOtlpTraces } from '../../src/event/otlp-encoder.ts'
import { carried, requestForOtlp } from './otlp-carried.ts'
import { decoded, decodedJson } from './otlp-decoding.ts'
import { toJson } from './otlp-reference.ts'

function request(fields: Partial<RequestEvent>): RequestEvent {
  return {
    kind: 'request',
    timeMs: 1_795_512_480_895,
    direction: 'inbound',
    destination: { namespace: 'shop', kind: 'deployment', name: 'web', pod: 'web-1', service: 'web' },
    latencyMicros: 1234,
    ...fields,
  }
}

/** Events by value: those of one reporter keep their order, but reporters do not. */
function sorted(events: readonly unknown[]): string[] {
  return events.map((event) => JSON.stringify(ordered(event))).sort()
}

function ordered(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, ordered(inner)]),
  )
}

t.test('what OTLP can carry of any requests comes back the same', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(requestForOtlp, { maxLength: 8 }), (events) => {
        const back = decoded(encodeOtlpTraces(events))
        assert.deepEqual(sorted(back.events), sorted(events.map(carried)))
        assert.deepEqual(
          { skipped: back.skipped, unknownFields: back.unknownFields },
          { skipped: 0, unknownFields: 0 },
        )
      }),
      { numRuns: 300, seed: 1 },
    ),
  )
  t.end()
})

t.test('any encoded requests decode alike from protobuf and from OTLP/JSON', (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.array(requestForOtlp, { maxLength: 5 }), (events) => {
        const bytes = encodeOtlpTraces(events)
        assert.deepEqual(decodedJson(toJson(bytes)), decoded(bytes))
      }),
      { numRuns: 150, seed: 2 },
    ),
  )
  t.end()
})

t.test('requests of one reporter share a ResourceSpans, in order', (t) => {
  const web = (path: string) => request({ path })
  const cart = request({ destination: { name: 'cart' } })
  const { resourceSpans } = toJson(encodeOtlpTraces([web('/1'), cart, web('/2'), web('/3')]))
  const paths = resourceSpans.map(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes }) => attributes?.find(({ key }) => key === 'url.path')?.value),
    ),
  )
  t.same(paths, [[{ stringValue: '/1' }, { stringValue: '/2' }, { stringValue: '/3' }], [undefined]])
  t.end()
})

t.test('a span has a name, an id of its own, and an error status where the conventions want one', (t) => {
  const events = [
    request({ method: 'GET', route: '/items/{id}', path: '/items/7', status: 200 }),
    request({ method: 'BREW', status: 500 }),
    request({ method: 'POST', status: 404 }),
    request({ method: 'POST', status: 200, grpcStatus: 14 }),
    request({ reset: true }),
  ]
  const client = request({
    direction: 'outbound',
    source: events[0]!.destination,
    method: 'POST',
    status: 404,
  })
  const spans = toJson(encodeOtlpTraces([...events, client])).resourceSpans.flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans),
  )
  const ERROR = { code: 2 }
  t.same(
    spans.map(({ spanId, name, kind, status }) => [spanId, name, kind, status]),
    [
      ['0000000000000001', 'GET /items/{id}', 2, undefined],
      ['0000000000000002', 'HTTP', 2, ERROR],
      ['0000000000000003', 'POST', 2, undefined],
      ['0000000000000004', 'POST', 2, ERROR],
      ['0000000000000005', 'HTTP', 2, ERROR],
      ['0000000000000006', 'POST', 3, ERROR],
    ],
  )
  t.end()
})

t.test('times that OTLP cannot hold are refused', (t) => {
  for (const fields of [{ timeMs: 0 }, { timeMs: 1, latencyMicros: 1000 }, { timeMs: 18_446_744_073_710 }]) {
    t.throws(() => encodeOtlpTraces([request(fields)]), {
      name: 'RangeError',
      message: /beyond OTLP's times/,
    })
  }
  t.doesNotThrow(() => encodeOtlpTraces([request({ timeMs: 1, latencyMicros: 999 })]))
  t.end()
})

t.test('no requests are an empty message', (t) => {
  t.same(decoded(encodeOtlpTraces([])), { events: [], skipped: 0, unknownFields: 0 })
  t.end()
})
