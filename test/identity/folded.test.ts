import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import { AddressBook } from '../../src/identity/address-book.ts'
import { FlowIdentities } from '../../src/identity/flow-identities.ts'
import { PartitionProcessor } from '../../src/aggregator/partition-processor.ts'
import { partitionId } from '../../src/log/event-log.ts'
import { RecordMatcher } from '../../src/replay/record-matcher.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { FOLDING, NOW, readAll, recordOf, worker } from '../aggregator/partition-rig.ts'

/** As far as it is looked at. */
interface Scope {
  readonly stat: readonly { readonly id: string; readonly outcomes: readonly string[] }[]
}

const PARTITION = partitionId('mesh.requests', 0)
const MOVED = NOW - 20_000

function book(): AddressBook {
  const book = new AddressBook({ memoryMs: 1e9, capacity: 100, now: () => NOW })
  const deployment = (name: string) => ({
    namespace: 'shop',
    kind: 'deployment',
    name,
    pod: `${name}-1`,
    service: '',
  })
  book.set('east', { id: 'a', occupant: deployment('web'), ips: ['10.0.0.1'], fromMs: 0 })
  book.end('east', 'a', MOVED)
  book.set('east', { id: 'b', occupant: deployment('api'), ips: ['10.0.0.1'], fromMs: MOVED })
  return book
}

function request(timeMs: number, ip: string): MeshEvent {
  return {
    kind: 'request',
    timeMs,
    direction: 'inbound',
    source: { namespace: 'shop', kind: 'deployment', name: 'client' },
    destination: { ip },
    path: '/',
    status: 200,
    latencyMicros: 1000,
  }
}

const EVENTS = [
  ...[1, 2, 3].map((i) => request(MOVED - i, '10.0.0.1')),
  ...[0, 1].map((i) => request(MOVED + i, '10.0.0.1')),
  request(MOVED, '10.0.0.2'),
  request(MOVED, '10.0.0.3'),
]

t.test('what is folded is of the workload that had the address then; the unknown stay apart', async (t) => {
  const self = worker()
  const flows = new FlowIdentities(book())
  const processor = await PartitionProcessor.claim({
    partition: PARTITION,
    store: self.store,
    now: () => NOW,
    ...FOLDING,
    identify: (columns, cluster) => flows.identify(columns, cluster),
    setAside: async () => {},
  })
  processor.process([recordOf(EVENTS, 0)], 1)
  t.strictSame(await processor.commit(), { kind: 'committed' })
  const [[, scopes]] = Object.entries(await readAll(self.store, 'total')) as [[string, Scope[]]]
  const counted = scopes.flatMap(({ stat }) =>
    stat.map(({ id, outcomes }) => `${id.split('\0').slice(0, 5).join('/')} ${outcomes[0]!.split(' ')[1]}`),
  )
  t.strictSame(counted, [
    'east//ip/10.0.0.2/ 1',
    'east//ip/10.0.0.3/ 1',
    'east/shop/deployment/api/api-1 2',
    'east/shop/deployment/web/web-1 3',
  ])
})

t.test('a tap of the past finds events by the same names', async (t) => {
  const flows = new FlowIdentities(book())
  const query = parseTapQuery({ resource: 'deploy/api', namespace: 'shop' })
  const matcher = new RecordMatcher({
    query,
    topic: 'mesh.requests',
    flows: FOLDING.flows,
    identify: (columns, cluster) => flows.identify(columns, cluster),
    now: () => NOW,
  })
  const found = matcher.match(PARTITION, recordOf(EVENTS, 0))
  t.strictSame(
    found.map(({ timeMs, destination }) => [timeMs - MOVED, destination.name, destination.ip]),
    [
      [0, 'api', '10.0.0.1'],
      [1, 'api', '10.0.0.1'],
    ],
  )
})
