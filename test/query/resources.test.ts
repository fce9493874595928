import t from 'tap'
import type { Parameters } from '../../src/query/parameters.ts'
import { parseResourcesRequest } from '../../src/query/requests.ts'
import { bothSides, request } from './events.ts'
import { engineOn } from './world.ts'

t.test('resources are everything that reported in the window or was named as the other end', async (t) => {
  const engine = await engineOn([
    ...bothSides('bot', 'web', { authority: 'web:80', path: '/x' }),
    request('web', 'shop/statefulset:db', {
      direction: 'outbound',
      path: '/q',
      destination: { cluster: 'west' },
    }),
    request('bot', 'old', { ago: 300 }),
  ])
  const check = async (parameters: Parameters, want: readonly string[]) => {
    const { resources } = await engine.resources(parseResourcesRequest(parameters))
    t.strictSame(
      resources.map(({ cluster, namespace, kind, name }) => `${cluster}/${namespace}/${kind}/${name}`),
      want,
      JSON.stringify(parameters),
    )
  }
  await check({}, [
    'east//cluster/east',
    'east/emojivoto/authority/web:80',
    'east/emojivoto/deployment/bot',
    'east/emojivoto/deployment/web',
    'east/emojivoto/namespace/emojivoto',
    'east/emojivoto/pod/bot-1',
    'east/emojivoto/pod/web-1',
    'east/emojivoto/route//x',
    'east/emojivoto/service/web-svc',
    'west//cluster/west',
    'west/shop/namespace/shop',
    'west/shop/route//q',
    'west/shop/service/db-svc',
    'west/shop/statefulset/db',
  ])
  await check({ resource: 'deploy' }, ['east/emojivoto/deployment/bot', 'east/emojivoto/deployment/web'])
  await check({ resource: 'deploy', window: '10m' }, [
    'east/emojivoto/deployment/bot',
    'east/emojivoto/deployment/old',
    'east/emojivoto/deployment/web',
  ])
  await check({ resource: 'svc', cluster: 'west' }, ['west/shop/service/db-svc'])
  await check({ resource: 'pod', namespace: 'shop' }, [])
})
