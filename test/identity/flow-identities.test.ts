import t from 'tap'
import { Dictionary } from '../../src/event/dictionary.ts'
import type { Endpoint, MeshEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { addEvent, eventsOf } from '../../src/event/event-objects.ts'
import { AddressBook, type Occupant } from '../../src/identity/address-book.ts'
import { FlowIdentities } from '../../src/identity/flow-identities.ts'
import type { Identities } from '../../src/identity/identities.ts'

const WEB: Occupant = { namespace: 'shop', kind: 'deployment', name: 'web', pod: 'web-1', service: 'web-svc' }
const API: Occupant = { namespace: 'shop', kind: 'deployment', name: 'api', pod: 'api-1', service: '' }
const SERVICE: Occupant = { namespace: 'shop', kind: '', name: '', pod: '', service: 'api-svc' }

function filled(): AddressBook {
  const book = new AddressBook({ memoryMs: 1e9, capacity: 100, now: () => 1000 })
  book.set('east', { id: 'web', occupant: WEB, ips: ['10.0.0.1'], fromMs: 100 })
  book.end('east', 'web', 200)
  book.set('east', { id: 'api', occupant: API, ips: ['10.0.0.1'], fromMs: 200 })
  book.set('east', { id: 'svc', occupant: SERVICE, ips: ['10.96.0.1'], fromMs: 0 })
  return book
}

function columnsOf(events: readonly MeshEvent[]): EventColumns {
  const columns = new EventColumns(new Dictionary())
  for (const event of events) addEvent(columns, event)
  return columns
}

function request(timeMs: number, source: Endpoint, destination: Endpoint, more: Partial<MeshEvent> = {}) {
  const event = {
    kind: 'request',
    timeMs,
    direction: 'inbound',
    source,
    destination,
    latencyMicros: 1,
    ...more,
  }
  return event as MeshEvent
}

function identified(identities: Identities, events: readonly MeshEvent[], cluster = 'east'): MeshEvent[] {
  const columns = columnsOf(events)
  new FlowIdentities(identities).identify(columns, cluster)
  return eventsOf(columns)
}

const { namespace, kind, name, pod, service } = WEB

t.test('an end that names no workload is given the one at its address, at its time', async (t) => {
  const from = { ip: '10.0.0.1', port: 99, identity: 'spiffe://a' }
  const [early, web, api] = identified(
    filled(),
    [50, 150, 250].map((timeMs) => request(timeMs, from, { name: 'db', namespace: 'shop' })),
  )
  t.strictSame(early!.source, from, 'nobody was there: it stays its address')
  t.strictSame(web!.source, { namespace, kind, name, pod, service, ...from })
  t.match(api!.source, { name: 'api', pod: 'api-1', ip: '10.0.0.1' })
  t.strictSame(web!.destination, { name: 'db', namespace: 'shop' })
})

t.test('what an event says itself is kept', async (t) => {
  const ip = '10.0.0.1'
  const [named, inNamespace, ofKind, sameKind, ofService, elsewhere] = identified(filled(), [
    request(150, { ip, name: 'other' }, {}),
    request(150, { ip, namespace: 'bank' }, {}),
    request(150, { ip, kind: 'daemonset' }, {}),
    request(150, { ip, kind: 'deployment', namespace: 'shop' }, {}),
    request(150, { ip, service: 'mine' }, {}),
    request(150, { ip, cluster: 'west' }, {}),
  ])
  t.strictSame(named!.source, { ip, name: 'other' })
  t.strictSame(inNamespace!.source, { ip, namespace: 'bank' }, 'no workload is made up of both')
  t.strictSame(ofKind!.source, { ip, kind: 'daemonset' })
  t.match(sameKind!.source, { namespace: 'shop', kind: 'deployment', name: 'web' })
  t.match(ofService!.source, { service: 'mine', name: 'web' })
  t.strictSame(elsewhere!.source, { ip, cluster: 'west' }, 'clusters do not share addresses')
})

t.test('a pod is found by its name, the reporting one by the id of its proxy', async (t) => {
  const [byPod, byProxy, notThePeer] = identified(filled(), [
    request(150, { pod: 'web-1', namespace: 'shop' }, {}),
    request(150, {}, { ip: '10.9.9.9' }, { proxy: 'web-1' }),
    request(150, {}, {}, { proxy: 'web-1', direction: 'outbound' }),
  ])
  t.match(byPod!.source, { name: 'web' })
  t.match(byProxy!.destination, { name: 'web', pod: 'web-1', ip: '10.9.9.9' })
  t.match(notThePeer!.source, { name: 'web' })
  t.strictSame(notThePeer!.destination, {})
})

t.test('the address of a service names the service and no workload', async (t) => {
  const [event] = identified(filled(), [request(150, {}, { ip: '10.96.0.1', port: 80 })])
  t.strictSame(event!.destination, { namespace: 'shop', service: 'api-svc', ip: '10.96.0.1', port: 80 })
})

t.test('what is learnt later serves flows that were seen before', async (t) => {
  const book = filled()
  const flows = new FlowIdentities(book)
  const columns = new EventColumns(new Dictionary())
  const source = (): Endpoint | undefined => {
    columns.clear()
    addEvent(columns, request(500, { ip: '10.0.0.7' }, {}))
    flows.identify(columns, 'east')
    return eventsOf(columns)[0]!.source
  }
  t.strictSame(source(), { ip: '10.0.0.7' })
  book.set('east', { id: 'late', occupant: WEB, ips: ['10.0.0.7'], fromMs: 400 })
  t.match(source(), { name: 'web' })
  book.end('east', 'late', 450)
  t.strictSame(source(), { ip: '10.0.0.7' })
})

t.test('events of one flow on both sides of a move are told apart, connections too', async (t) => {
  const source = { ip: '10.0.0.1' }
  const events = [199, 200, 199, 201].map((timeMs) => request(timeMs, source, {}))
  const connections = [150, 250].map((timeMs): MeshEvent => ({
    kind: 'connection',
    timeMs,
    direction: 'outbound',
    source,
    destination: {},
    opened: 1,
  }))
  const names = identified(filled(), [...events, ...connections]).map((event) => event.source!.name)
  t.strictSame(names, ['web', 'api', 'web', 'api', 'web', 'api'])
})

t.test('each flow is looked up once in a batch, and those that name workloads never', async (t) => {
  const book = filled()
  let asked = 0
  const counting: Identities = {
    version: 1,
    atAddress: (...question) => (asked++, book.atAddress(...question)),
    ofPod: (...question) => (asked++, book.ofPod(...question)),
  }
  const named = request(150, { name: 'a', namespace: 'x' }, { name: 'b', namespace: 'x' })
  const open = request(150, { ip: '10.0.0.1' }, { ip: '10.5.5.5' })
  identified(
    counting,
    Array.from({ length: 100 }, (_, i) => (i % 2 ? named : open)),
  )
  t.equal(asked, 2, 'its two ends')
})
