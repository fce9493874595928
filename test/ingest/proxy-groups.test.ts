import * as fc from 'fast-check'
import t from 'tap'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { ConnectionEvent, MeshEvent, RequestEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent, eventsOf } from '../../src/event/event-objects.ts'
import { ProxyGroups } from '../../src/ingest/proxy-groups.ts'

function columnsOf(events: readonly MeshEvent[], dictionary = new Dictionary()): EventColumns {
  const columns = new EventColumns(dictionary)
  for (const event of events) addEvent(columns, event)
  return columns
}

function groupsOf(columns: EventColumns, groups = new ProxyGroups()): [string | undefined, MeshEvent[]][] {
  const found: [string | undefined, MeshEvent[]][] = []
  groups.forEach(columns, (key, events) => found.push([key, eventsOf(events)]))
  return found
}

const request = (over: Partial<RequestEvent>): RequestEvent => ({
  kind: 'request',
  timeMs: 1,
  direction: 'inbound',
  destination: { name: 'web' },
  latencyMicros: 1,
  ...over,
})

t.test('the key is the proxy, else the reporting pod, else the workload, else the address', async (t) => {
  const web = { cluster: 'east', namespace: 'n', kind: 'deployment', name: 'web' }
  const vote = { namespace: 'n', kind: 'deployment', name: 'vote', pod: 'vote-1' }
  for (const [event, want] of [
    [{ proxy: 'p', destination: { ...web, pod: 'web-1' } }, 'p'],
    [{ destination: { ...web, pod: 'web-1' }, source: vote }, 'web-1'],
    [{ direction: 'outbound', destination: { ...web, pod: 'web-1' }, source: vote }, 'vote-1'],
    [{ destination: web, source: vote }, 'east/n/deployment/web'],
    [{ destination: { ip: '10.1.2.3', port: 80 } }, '10.1.2.3'],
    [{ destination: { port: 80 } }, undefined],
    [{ direction: 'outbound', destination: web }, undefined],
  ] as const) {
    const groups = groupsOf(columnsOf([request(event)]))
    t.same(
      groups.map(([key]) => key),
      [want],
      JSON.stringify(event),
    )
  }
})

const text = fc.constantFrom('', 'a', 'b', 'c')
const endpoint = fc.record({ namespace: text, name: text, pod: text })
const observed = {
  timeMs: fc.nat(1e6),
  direction: fc.constantFrom('inbound' as const, 'outbound' as const),
  proxy: text,
  source: endpoint,
  destination: endpoint,
}
const header = fc.record({ name: fc.constantFrom('x-a', 'x-b'), value: text })
const anyRequest: fc.Arbitrary<RequestEvent> = fc.record({
  kind: fc.constant('request' as const),
  ...observed,
  path: text,
  status: fc.constantFrom(200, 500),
  latencyMicros: fc.nat(1e6),
  requestBytes: fc.nat(100),
  responseBytes: fc.nat(100),
  traceId: fc.constantFrom('00000000000000000000000000000000', '4bf92f3577b34da6a3ce929d0e0e4736'),
  requestHeaders: fc.array(header, { maxLength: 2 }),
  responseHeaders: fc.array(header, { maxLength: 2 }),
})
const anyConnection: fc.Arbitrary<ConnectionEvent> = fc.record({
  kind: fc.constant('connection' as const),
  ...observed,
  open: fc.nat(10),
  opened: fc.nat(10),
  closed: fc.nat(10),
  readBytes: fc.nat(100),
  writtenBytes: fc.nat(100),
})

t.test('every event is in exactly one group, in order, however often the groups are used', async (t) => {
  const dictionary = new Dictionary()
  const groups = new ProxyGroups()
  fc.assert(
    fc.property(fc.array(fc.oneof(anyRequest, anyConnection), { maxLength: 40 }), (events) => {
      const columns = columnsOf(events, dictionary)
      const all = eventsOf(columns)
      const found = groupsOf(columns, groups)
      const known = found.flatMap(([, members]) => members)
      const want = Object.groupBy(all, reporter)
      const got = Object.groupBy(known, reporter)
      return (
        found.length === Object.keys(want).length &&
        JSON.stringify(sorted(got)) === JSON.stringify(sorted(want)) &&
        found.every(([, members]) => new Set(members.map(reporter)).size === 1)
      )
    }),
    { numRuns: 300, seed: 7 },
  )
  t.pass()
})

/** Who reports an event, worked out from the object. */
function reporter(event: MeshEvent): string {
  const end = (event.direction === 'outbound' ? event.source : event.destination) ?? {}
  return event.proxy || end.pod || JSON.stringify([end.namespace, end.name])
}

function sorted(groups: Partial<Record<string, MeshEvent[]>>): unknown {
  return Object.entries(groups).sort(([a], [b]) => (a < b ? -1 : 1))
}
