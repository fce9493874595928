import fc from 'fast-check'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { Endpoint, RequestEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent } from '../../src/event/event-objects.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 3 })

function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T
}

const name = fc.constantFrom('web', 'voting', 'emoji')

const endpoint = fc
  .record({
    cluster: maybe(fc.constantFrom('east', 'west')),
    namespace: maybe(fc.constantFrom('emojivoto', 'boutique')),
    kind: maybe(fc.constantFrom('deployment', 'statefulset')),
    name: maybe(name),
    pod: maybe(fc.constantFrom('a-1', 'web')),
    service: maybe(name),
  })
  .map((fields) => compact(fields) as Endpoint)

const headers = fc.array(
  fc.record({
    name: fc.constantFrom('x-user', 'x-debug', 'accept'),
    value: fc.constantFrom('', '1', 'a b', 'zz'),
  }),
  { minLength: 1, maxLength: 3 },
)

/** Requests over few enough names that many queries of `tapQueries` match something. */
export const tapTraffic: fc.Arbitrary<RequestEvent> = fc
  .record({
    kind: fc.constant('request' as const),
    timeMs: fc.integer({ min: 1_763_978_400_000, max: 1_763_978_410_000 }),
    direction: fc.constantFrom('inbound' as const, 'outbound' as const),
    proxy: maybe(fc.constantFrom('a-1', 'web')),
    source: maybe(endpoint),
    destination: endpoint,
    method: maybe(fc.constantFrom('GET', 'get', 'POST')),
    authority: maybe(fc.constantFrom('web:80', 'Web:80', 'voting:81')),
    route: maybe(fc.constantFrom('/users/:id', '/other')),
    path: maybe(fc.constantFrom('/', '/api/list', '/api/list?x=/2', '/users/1', '/users/2#f', '/users/22')),
    status: maybe(fc.constantFrom(200, 404, 500, 503)),
    grpcStatus: maybe(fc.constantFrom(0, 5, 14)),
    reset: maybe(fc.constant(true)),
    latencyMicros: fc.constantFrom(0, 1, 49, 50, 2000),
    requestHeaders: maybe(headers),
    responseHeaders: maybe(headers),
  })
  .map((fields) => compact(fields) as RequestEvent)

/** Events as a batch of a dictionary. */
export function columnsOf(events: readonly RequestEvent[], dictionary = new Dictionary()): EventColumns {
  const columns = new EventColumns(dictionary)
  for (const event of events) addEvent(columns, event)
  return columns
}

/** A plain request, with what a test wants to be different. */
export function request(fields: Partial<RequestEvent> = {}): RequestEvent {
  return {
    kind: 'request',
    timeMs: 1_763_978_400_000,
    direction: 'inbound',
    destination: { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'web', pod: 'web-1' },
    method: 'GET',
    path: '/api/list',
    status: 200,
    latencyMicros: 1000,
    ...fields,
  }
}
