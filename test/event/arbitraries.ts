import * as fc from 'fast-check'
import type { ConnectionEvent, Endpoint, Header, MeshEvent, RequestEvent } from '../../src/event/event.ts'
import { MAX_COUNT, MAX_LATENCY_MICROS, MAX_OPEN, MAX_STATUS, MAX_TIME_MS } from '../../src/event/limits.ts'

/** Any text that an event can carry: not empty, which is the same as none. */
const text = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'web',
      'vote-bot',
      'emojivoto',
      '10.1.2.3',
      '/api/vote?choice=:doughnut:',
      '__proto__',
    ),
  },
  { weight: 2, arbitrary: fc.string({ minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }) },
)

const time = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1_763_978_400_000, max: 1_763_978_500_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: MAX_TIME_MS }) },
)

const count = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: MAX_COUNT }))
const status = fc.oneof(fc.constantFrom(200, 404, 503), fc.integer({ min: 0, max: MAX_STATUS }))

export const endpoint: fc.Arbitrary<Endpoint> = fc.record(
  {
    cluster: text,
    namespace: text,
    kind: fc.constantFrom('deployment', 'statefulset', 'job', 'rollout', 'ingress'),
    name: text,
    pod: text,
    service: text,
    ip: text,
    port: fc.integer({ min: 1, max: 65_535 }),
    identity: text,
  },
  { requiredKeys: [], noNullPrototype: true },
)

/** Headers, those of one name side by side, as JSON groups them. */
const headers: fc.Arbitrary<Header[]> = fc
  .uniqueArray(
    fc.tuple(
      fc.constantFrom('accept', 'x-request-id', 'set-cookie', '__proto__', 'constructor'),
      fc.array(text, { minLength: 1, maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 4, selector: ([name]) => name },
  )
  .map((groups) => groups.flatMap(([name, values]) => values.map((value) => ({ name, value }))))

const observation = {
  timeMs: time,
  direction: fc.constantFrom('inbound' as const, 'outbound' as const),
  proxy: text,
  source: endpoint.filter((endpoint) => Object.keys(endpoint).length > 0),
  destination: endpoint,
  tls: fc.boolean(),
}

/** Requests in the one form that decoders give: nothing that stands for "unknown" is spelt out. */
export const requestEvent: fc.Arbitrary<RequestEvent> = fc.record(
  {
    kind: fc.constant('request' as const),
    ...observation,
    method: fc.oneof(fc.constantFrom('GET', 'POST'), text),
    scheme: text,
    authority: text,
    route: text,
    path: text,
    status,
    grpcStatus: fc.oneof(fc.constantFrom(0, 14), fc.integer({ min: 0, max: MAX_STATUS })),
    reset: fc.constant(true),
    reason: text,
    latencyMicros: fc.oneof(
      fc.integer({ min: 0, max: 100_000 }),
      fc.integer({ min: 0, max: MAX_LATENCY_MICROS }),
    ),
    requestBytes: count,
    responseBytes: count,
    traceId: fc.bigInt({ min: 1n, max: 2n ** 128n - 1n }).map((id) => id.toString(16).padStart(32, '0')),
    requestHeaders: headers,
    responseHeaders: headers,
  },
  { requiredKeys: ['kind', 'timeMs', 'direction', 'destination', 'latencyMicros'], noNullPrototype: true },
)

export const connectionEvent: fc.Arbitrary<ConnectionEvent> = fc.record(
  {
    kind: fc.constant('connection' as const),
    ...observation,
    open: fc.integer({ min: 0, max: MAX_OPEN }),
    opened: count,
    closed: count,
    readBytes: count,
    writtenBytes: count,
  },
  { requiredKeys: ['kind', 'timeMs', 'direction', 'destination'], noNullPrototype: true },
)

export const meshEvent: fc.Arbitrary<MeshEvent> = fc.oneof(
  { weight: 3, arbitrary: requestEvent },
  { weight: 1, arbitrary: connectionEvent },
)

/** The events of one record, the requests first: the order in which columns give them back. */
export const meshEvents: fc.Arbitrary<MeshEvent[]> = fc
  .array(meshEvent, { maxLength: 20 })
  .map((events) => [
    ...events.filter((event) => event.kind === 'request'),
    ...events.filter((event) => event.kind === 'connection'),
  ])
