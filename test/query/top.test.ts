import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { TopAnswer } from '../../src/query/answer.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { parseTopRequest } from '../../src/query/requests.ts'
import { bothSides, request, times } from './events.ts'
import { engineOn, NOW } from './world.ts'

async function top(events: readonly MeshEvent[], parameters: Parameters): Promise<TopAnswer> {
  return (await engineOn(events)).top(parseTopRequest(parameters))
}

async function calls(events: readonly MeshEvent[], parameters: Parameters): Promise<readonly string[]> {
  const { rows } = await top(events, parameters)
  return rows.map(
    ({ source, destination, method, path, count }) =>
      `${source.name} -> ${destination.name} ${method} ${path} ${count}`,
  )
}

const events: readonly MeshEvent[] = [
  ...times(3, () => bothSides('bot', 'web', { path: '/users/1' })).flat(),
  ...times(2, () => bothSides('bot', 'web', { path: '/users/2?x=1' })).flat(),
  ...bothSides('shop', 'web', { path: '/users/1', method: 'POST' }),
  ...times(4, () => bothSides('web', 'emoji', { path: '/list' })).flat(),
  ...bothSides('web', 'shop/cart', { path: '/cart' }),
]

t.test('the busiest calls come first, as their destinations report them', async (t) => {
  t.strictSame(await calls(events, { resource: 'deploy', namespace: 'emojivoto' }), [
    'web -> emoji GET /list 4',
    'bot -> web GET /users/1 3',
    'bot -> web GET /users/2 2',
    'shop -> web POST /users/1 1',
  ])
  t.strictSame(await calls(events, { resource: 'ns/shop' }), ['web -> cart GET /cart 1'])
  t.strictSame(await calls(events, { resource: 'deploy/web', from: 'deploy/shop' }), [
    'shop -> web POST /users/1 1',
  ])
})

t.test('with to, calls are as their source reports them', async (t) => {
  const both = [...events, request('web', 'db', { direction: 'outbound', path: '/q' })]
  t.strictSame(await calls(both, { resource: 'deploy/web', to: 'deploy' }), [
    'web -> emoji GET /list 4',
    'web -> db GET /q 1',
    'web -> cart GET /cart 1',
  ])
  t.strictSame(await calls(both, { resource: 'deploy/web', to: 'deploy/db' }), ['web -> db GET /q 1'])
  t.strictSame(await calls(both, { resource: 'deploy/db' }), [])
})

t.test('calls can be picked by method and by how their path begins', async (t) => {
  t.strictSame(await calls(events, { resource: 'deploy/web', method: 'post' }), [
    'shop -> web POST /users/1 1',
  ])
  t.strictSame(await calls(events, { resource: 'deploy/web', path: '/users/2' }), [
    'bot -> web GET /users/2 2',
  ])
})

t.test('the limit cuts rows, not the total', async (t) => {
  const { rows, total } = await top(events, { resource: 'deploy/web', limit: '1' })
  t.equal(rows.length, 1)
  t.equal(total, 6)
  t.equal((await top(events, { resource: 'deploy/web', from: 'deploy/bot' })).total, 5)
})

t.test('a row says best, worst and last latency, rate and success', async (t) => {
  const { rows, by } = await top(
    [
      request('bot', 'web', { latencyMicros: 5000, ago: 50 }),
      request('bot', 'web', { latencyMicros: 1500, ago: 40, status: 500 }),
      request('bot', 'web', { latencyMicros: 2500, ago: 2 }),
      request('bot', 'web', { latencyMicros: 9000, ago: 30 }),
    ],
    { resource: 'deploy/web' },
  )
  t.equal(by, 'path')
  const { source, destination, ...figures } = rows[0]!
  t.strictSame(source, { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'bot' })
  t.strictSame(destination, { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'web' })
  t.strictSame(figures, {
    cluster: 'east',
    method: 'GET',
    path: '/',
    count: 4,
    error: 0,
    rps: 4 / 65,
    success: 0.75,
    bestMs: 1.5,
    worstMs: 9,
    lastMs: 2.5,
    latencyMs: null,
  })
})

/** How often a path is asked for: the first five are heavy. */
function truth(i: number): number {
  return i < 5 ? 100 - i : 1 + (i % 3)
}

t.test('where a sketch overflows, counts are bounds: count − error ≤ truth ≤ count', async (t) => {
  // 300 paths in each of two buckets are more than a destination's sketch keeps.
  const many = times(300, (i) =>
    times(truth(i), (j) => {
      const ago = 5 + 10 * ((i + j) % 2)
      return request('bot', 'web', { path: `/p${i}x`, ago, status: i % 2 === 0 ? 200 : 500 })
    }),
  ).flat()
  const { rows, total } = await top(many, { resource: 'deploy/web', limit: '1000' })
  t.equal(total, many.length, 'the total is exact all the same')
  for (const row of rows) {
    const want = truth(Number(row.path.slice(2, -1)))
    t.ok(row.count - row.error <= want && want <= row.count, row.path)
    t.equal(row.success, Number(row.path.slice(2, -1)) % 2 === 0 ? 1 : 0, 'of those it knows of')
  }
  t.ok(rows.some(({ error }) => error > 0))
  t.strictSame(
    rows.slice(0, 5).map(({ path }) => path),
    times(5, (i) => `/p${i}x`),
  )
})

t.test('counts over buckets and partitions are exact while paths fit each sketch', async (t) => {
  // 100 paths in each of five buckets and two partitions: together many times what one sketch keeps.
  const many = times(5, (b) =>
    times(200, (i) => request('bot', 'web', { path: `/b${b}p${i}x`, timeMs: NOW - b * 10_000 })),
  ).flat()
  const engine = await engineOn(many, { partitionOf: (_, i) => i % 2 })
  const { rows, total } = await engine.top(parseTopRequest({ resource: 'deploy/web', limit: '1000' }))
  t.equal(total, 1000)
  t.equal(rows.length, 1000)
  t.ok(rows.every(({ count, error }) => count === 1 && error === 0))
})

t.test('by route, counts are exact and latencies are quantiles', async (t) => {
  const { rows, by, total } = await top(events, { resource: 'deploy/web', by: 'route' })
  t.equal(by, 'route')
  t.equal(total, 6)
  const { latencyMs, ...first } = rows[0]!
  t.match(first, { method: 'GET', path: '/users/:id', count: 5, error: 0, success: 1, rps: 5 / 65 })
  t.match(first, { cluster: 'east', bestMs: null, worstMs: null, lastMs: null, source: { name: 'bot' } })
  t.ok(Math.abs(latencyMs!.p50 - 1) <= 0.011)
  t.strictSame(await calls(events, { resource: 'deploy/web', by: 'route', path: '/users', method: 'POST' }), [
    'shop -> web POST /users/:id 1',
  ])
  t.strictSame(await calls(events, { resource: 'deploy/web', by: 'route', to: 'deploy/emoji' }), [
    'web -> emoji GET /list 4',
  ])
  t.strictSame(await calls(events, { resource: 'svc/emoji-svc', by: 'route' }), ['web -> emoji GET /list 4'])
  t.strictSame(await calls(events, { resource: 'pod/emoji-1', by: 'route' }), ['web -> emoji GET /list 4'])
})
