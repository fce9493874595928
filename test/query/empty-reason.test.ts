import t from 'tap'
import type { MeshEvent } from '../../src/event/event.ts'
import type { EmptyReason } from '../../src/query/answer.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import {
  parseEdgesRequest,
  parseRoutesRequest,
  parseStatRequest,
  parseTimeseriesRequest,
  parseTopRequest,
} from '../../src/query/requests.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { bothSides, request } from './events.ts'
import { engineOf, engineOn } from './world.ts'

const events: readonly MeshEvent[] = [
  ...bothSides('bot', 'web'),
  ...bothSides('web', 'statefulset:redis'),
  ...bothSides('shop/cart', 'shop/pay'),
  request('web', 'legacy', { direction: 'outbound' }),
  request('bot', 'old', { ago: 1200 }),
]

async function why(
  parameters: Parameters,
  on: readonly MeshEvent[] = events,
): Promise<EmptyReason | undefined> {
  return (await (await engineOn(on)).stat(parseStatRequest(parameters))).empty
}

t.test('an answer with rows gives no reason', async (t) => {
  t.equal(await why({ resource: 'deploy' }), undefined)
})

t.test('nothing has ever arrived', async (t) => {
  const store = new MemoryRollupStore()
  const nothing = { kind: 'nothing-at-all', message: /No event has arrived yet.*POST \/v1\/events/, seen: [] }
  const answer = await engineOf(store).stat(parseStatRequest({ resource: 'deploy' }))
  t.match(answer, { rows: [], watermark: null, empty: nothing })
  await store.claim('mesh.requests-0')
  t.match((await engineOf(store).stat(parseStatRequest({ resource: 'deploy' }))).empty, nothing)
})

t.test('the resource was never seen: others are named, the nearest first', async (t) => {
  t.match(await why({ resource: 'deploy/wbe', namespace: 'emojivoto' }), {
    kind: 'unknown-resource',
    message:
      /^No proxy reports deployment\/wbe in namespace emojivoto, in the window or in the last hour. Seen were: /,
    seen: [
      'deployment/bot',
      'deployment/legacy',
      'deployment/old',
      'deployment/web',
      'statefulset/redis',
      'shop/deployment/cart',
      'shop/deployment/pay',
    ],
  })
  t.match(await why({ resource: 'svc/x' }), {
    kind: 'unknown-resource',
    seen: ['emojivoto/service/legacy-svc', 'emojivoto/service/old-svc', 'emojivoto/service/redis-svc'],
  })
  t.match(await why({ resource: 'ns/x' }), { seen: ['namespace/emojivoto', 'namespace/shop'] })
  t.match(await why({ resource: 'cluster/x' }), { seen: ['cluster/east'] })
  t.match(await why({ resource: 'deploy', namespace: 'x' }), {
    kind: 'unknown-resource',
    message: /deployments in namespace x/,
  })
  t.match(await why({ resource: 'deploy/web', to: 'deploy/nobody' }), {
    kind: 'unknown-resource',
    message: /deployment\/nobody/,
  })
})

t.test('at most ten others are named', async (t) => {
  const many = Array.from({ length: 30 }, (_, i) => request('bot', `web${i}`))
  t.equal((await why({ resource: 'deploy/x' }, many))?.seen.length, 10)
})

t.test('the resource was seen, but not in the window', async (t) => {
  t.match(await why({ resource: 'deploy/old' }), {
    kind: 'not-in-window',
    message:
      /^Nothing of deployment\/old between 2026-11-24T09:59:30.000Z and 2026-11-24T10:00:35.000Z; last seen at 2026-11-24T09:40:35/,
  })
  t.equal(await why({ resource: 'deploy/old', window: '1h' }), undefined)
})

t.test('the resource has no proxies of its own', async (t) => {
  t.match(await why({ resource: 'deploy/legacy' }), {
    kind: 'not-in-window',
    message: /^No proxy of deployment\/legacy reports, but others call it: ask for it with from=CLIENT/,
  })
  t.equal(await why({ resource: 'deploy/legacy', from: 'deploy/web' }), undefined)
})

t.test('both resources are known, but nothing went between them', async (t) => {
  t.match(await why({ resource: 'deploy/bot', to: 'sts/redis' }), {
    kind: 'not-in-window',
    message: /^No requests from deployment\/bot to statefulset\/redis between /,
  })
  t.match(await why({ resource: 'deploy/bot', from: 'deploy/web' }), {
    message: /^No requests from deployment\/web to deployment\/bot between /,
  })
})

t.test('every answer that can be empty says why', async (t) => {
  const engine = await engineOn(events)
  const unknown = { rows: [], empty: { kind: 'unknown-resource' } }
  const resource = 'deploy/x'
  t.match(await engine.edges(parseEdgesRequest({ resource })), unknown)
  t.match(await engine.routes(parseRoutesRequest({ resource })), unknown)
  t.match(await engine.top(parseTopRequest({ resource })), { ...unknown, total: 0 })
  t.match(await engine.top(parseTopRequest({ resource, by: 'route' })), { ...unknown, total: 0 })
  t.match(await engine.timeseries(parseTimeseriesRequest({ resource })), { series: [], empty: unknown.empty })
  t.match((await engine.routes(parseRoutesRequest({ resource: 'deploy/bot' }))).empty, {
    kind: 'not-in-window',
    message: /^Proxies of deployment\/bot report, but no requests to it between/,
  })
  t.match((await engine.top(parseTopRequest({ resource: 'deploy/old' }))).empty, {
    kind: 'not-in-window',
    message: /^Nothing of deployment\/old between .* last seen at/,
  })
})
