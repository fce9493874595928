import fc from 'fast-check'
import type { ResourceSelector, TapQuery } from '../../src/tap/tap-query.ts'

/** Drops the fields that are undefined, as parsed queries have none. */
function compact<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>, freq = 2) => fc.option(arbitrary, { nil: undefined, freq })

const name = fc.constantFrom('web', 'voting', 'emoji')

function selectors(kinds: readonly NonNullable<ResourceSelector['kind']>[]): fc.Arbitrary<ResourceSelector> {
  const names = fc.record({
    kind: fc.constantFrom(...kinds),
    name: maybe(fc.oneof(name, fc.constantFrom('a-1', 'web:80', '/users/:id')), 4),
  })
  return (
    fc
      .tuple(
        fc.record({
          cluster: maybe(fc.constantFrom('east', 'west'), 1),
          namespace: maybe(fc.constantFrom('emojivoto', 'boutique')),
        }),
        fc.oneof(names, fc.constant({ kind: undefined, name: undefined })),
      )
      .map(([where, what]) => compact({ ...where, ...what }) as ResourceSelector)
      // The name of all but an authority or route holds no slash.
      .filter(({ kind, name }) => kind === 'route' || kind === 'authority' || !name?.includes('/'))
  )
}

const WORKLOADS = ['deployment', 'statefulset', 'pod'] as const

/** Queries over few enough names that many match something of `tapTraffic`. */
export const tapQueries: fc.Arbitrary<TapQuery> = fc
  .record({
    resource: selectors([...WORKLOADS, 'service', 'authority', 'route']),
    side: fc.oneof(
      fc.record({ direction: maybe(fc.constantFrom('inbound' as const, 'outbound' as const), 1) }),
      fc.record({ to: selectors([...WORKLOADS, 'service', 'authority', 'route']) }),
      fc.record({ from: selectors([...WORKLOADS, 'service']) }),
    ),
    method: maybe(fc.constantFrom('GET', 'POST'), 1),
    authority: maybe(fc.constantFrom('web:80', 'w*', '*:8?', 'none'), 1),
    path: maybe(fc.constantFrom('/', '/api', '/users/?', '*/2', '/api/l*t', '/none'), 1),
    status: maybe(
      fc.oneof(
        fc.constantFrom(200, 404, 503).map((status) => ({ kind: 'exact' as const, status })),
        fc.constantFrom(2, 5).map((hundreds) => ({ kind: 'class' as const, hundreds })),
        fc
          .constantFrom('success' as const, 'failure' as const)
          .map((classification) => ({ kind: 'classification' as const, classification })),
      ),
    ),
    minLatencyMicros: maybe(fc.constantFrom(1, 50, 1000), 1),
    header: maybe(
      fc
        .record({ name: fc.constantFrom('x-user', 'x-debug'), value: maybe(fc.constantFrom('', '1', 'a b')) })
        .map(compact),
      1,
    ),
    maxRps: fc.constantFrom(0.01, 1, 33.3, 100, 10_000),
  })
  .map(({ side, ...rest }) => compact({ ...rest, ...compact(side) }) as TapQuery)
  .filter(
    ({ resource, to }) => to === undefined || (resource.kind !== 'authority' && resource.kind !== 'route'),
  )
