import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { parseRoutesRequest } from '../../src/query/requests.ts'
import { bothSides, connection, request } from './events.ts'
import { engineOn } from './world.ts'

async function routes(events: readonly MeshEvent[], parameters: Parameters): Promise<readonly string[]> {
  const { rows } = await (await engineOn(events)).routes(parseRoutesRequest(parameters))
  return rows.map((row) => `${row.service} ${row.route} ${row.method} ${row.requests}/${row.failures}`)
}

const events: readonly MeshEvent[] = [
  ...bothSides('bot', 'web', { path: '/users/1' }),
  ...bothSides('bot', 'web', { path: '/users/2?x=1', status: 500 }),
  ...bothSides('bot', 'web', { path: '/users/2', method: 'POST' }),
  ...bothSides('web', 'emoji', { route: 'List', path: '/whatever' }),
  request('bot', 'web', { path: '', method: '' }),
  request('web', 'db', { direction: 'outbound', route: 'query' }),
  connection('bot', 'web', { open: 3 }),
]

t.test('routes are rows by service, route and method of what a resource receives', async (t) => {
  t.strictSame(
    await routes(events, { resource: 'deploy/web' }),
    ['web-svc [DEFAULT]  1/0', 'web-svc /users/:id GET 2/1', 'web-svc /users/:id POST 1/0'].toSorted(
      (a, b) => (a < b ? -1 : 1),
    ),
  )
  t.strictSame(await routes(events, { resource: 'deploy/emoji' }), ['emoji-svc List GET 1/0'])
  t.strictSame(await routes(events, { resource: 'deploy/db' }), [], 'no proxy of its own')
})

t.test('of a service that no proxy reports inbound, its clients’ reports count', async (t) => {
  t.strictSame(await routes(events, { resource: 'svc/db-svc' }), ['db-svc query GET 1/0'])
  t.strictSame(await routes(events, { resource: 'svc/emoji-svc' }), ['emoji-svc List GET 1/0'])
  t.strictSame(await routes(events, { resource: 'all', namespace: 'emojivoto' }), [
    'db-svc query GET 1/0',
    'emoji-svc List GET 1/0',
    'web-svc /users/:id GET 2/1',
    'web-svc /users/:id POST 1/0',
    'web-svc [DEFAULT]  1/0',
  ])
})

t.test('with to or from, routes are of what goes between two resources', async (t) => {
  t.strictSame(await routes(events, { resource: 'deploy/web', to: 'deploy/emoji' }), [
    'emoji-svc List GET 1/0',
  ])
  t.strictSame(await routes(events, { resource: 'deploy/web', to: 'deploy/db' }), ['db-svc query GET 1/0'])
  t.strictSame(await routes(events, { resource: 'deploy', from: 'deploy/web' }), [
    'db-svc query GET 1/0',
    'emoji-svc List GET 1/0',
  ])
})

t.test('figures of a route are those of stat', async (t) => {
  const { rows } = await (await engineOn(events)).routes(parseRoutesRequest({ resource: 'deploy/emoji' }))
  t.match(rows[0], {
    cluster: 'east',
    namespace: 'emojivoto',
    success: 1,
    rps: 1 / 65,
    requests: 1,
    failures: 0,
  })
  t.ok(Math.abs(rows[0]!.latencyMs!.p50 - 1) <= 0.011)
})
