import fc from 'fast-check'
import t from 'tap'
import type { StatRow } from '../../src/query/answer.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { CountedPods, type KnownPod } from '../../src/query/pod-counts.ts'
import { parseStatRequest } from '../../src/query/requests.ts'
import type { View } from '../../src/query/view.ts'
import { request } from './events.ts'
import { engineOf, NOW, storeOf } from './world.ts'

const pod = (text: string, phase: KnownPod['phase'] = 'running'): KnownPod => {
  const [namespace = '', kind = '', name = '', pod = ''] = text.split('/')
  return { namespace, kind, name, pod, phase }
}

/** Rows as `namespace/kind/name meshed/running pending failed`. */
function short({ namespace, kind, name, meshed, pods }: StatRow): string {
  const counts = pods === null ? '- - -' : `${pods.running} ${pods.pending} ${pods.failed}`
  return `${namespace}/${kind}/${name} ${meshed ?? '-'}/${counts}`
}

async function asking(pods: Readonly<Record<string, readonly KnownPod[] | undefined>>) {
  const store = await storeOf([
    request('bot', 'web'),
    request('bot', 'web', { destination: { pod: 'web-2' } }),
    request('web', 'shop/cart'),
    request('web', 'cart', { destination: { cluster: 'west' } }),
  ])
  const sources = Object.entries(pods).map(([cluster, known]) => ({ cluster, pods: () => known }))
  const engine = engineOf(store, { pods: new CountedPods(sources, () => NOW) })
  return async (parameters: Parameters, view?: View): Promise<string[]> => {
    const asked = view === undefined ? engine : engine.within(view)
    return (await asked.stat(parseStatRequest(parameters))).rows.map(short)
  }
}

const EAST = [
  pod('emojivoto/deployment/web/web-1'),
  pod('emojivoto/deployment/web/web-2'),
  pod('emojivoto/deployment/web/web-3', 'pending'),
  pod('emojivoto/deployment/web/web-4', 'failed'),
  pod('emojivoto/deployment/idle/idle-1'),
  pod('emojivoto/job/once/once-1', 'succeeded'),
  pod('emojivoto/rollout/new/new-1'),
  pod('shop/statefulset/cart/cart-0'),
  pod('kube-system/daemonset/dns/dns-1', 'unknown'),
]

t.test('rows have the pods of their resource, those that were not heard of too', async (t) => {
  const ask = await asking({ east: EAST, south: undefined })
  t.strictSame(await ask({ resource: 'deploy' }), [
    'emojivoto/deployment/idle 0/1 0 0',
    'emojivoto/deployment/web 2/2 1 1',
    'shop/deployment/cart 1/0 0 0',
    'emojivoto/deployment/cart 1/- - -',
  ])
  t.strictSame(await ask({ resource: 'deploy/web', namespace: 'emojivoto', cluster: 'east' }), [
    'emojivoto/deployment/web 2/2 1 1',
  ])
  t.strictSame(await ask({ resource: 'pod', namespace: 'emojivoto', cluster: 'east' }), [
    'emojivoto/pod/idle-1 0/1 0 0',
    'emojivoto/pod/new-1 0/1 0 0',
    'emojivoto/pod/web-1 1/1 0 0',
    'emojivoto/pod/web-2 1/1 0 0',
    'emojivoto/pod/web-3 0/0 1 0',
    'emojivoto/pod/web-4 0/0 0 1',
  ])
  t.strictSame(await ask({ resource: 'ns', cluster: 'east' }), [
    'emojivoto/namespace/emojivoto 2/4 1 1',
    'shop/namespace/shop 1/1 0 0',
  ])
  t.strictSame(await ask({ resource: 'cluster' }), ['/cluster/east 3/5 1 1', '/cluster/west 1/- - -'])
  t.strictSame(await ask({ resource: 'sts' }), ['shop/statefulset/cart 0/1 0 0'])
  t.strictSame(
    await ask({ resource: 'svc', namespace: 'emojivoto', cluster: 'east' }),
    ['emojivoto/service/web-svc -/- - -'],
    'a service has none',
  )
  t.strictSame(
    await ask({ resource: 'deploy', to: 'deploy/cart', namespace: 'emojivoto', to_namespace: 'shop' }),
    ['emojivoto/deployment/web 2/2 1 1'],
    'between two, only what is between them',
  )
})

t.test('all has workloads and pods that were not heard of, once each', async (t) => {
  const ask = await asking({ east: EAST })
  const rows = await ask({ resource: 'all', namespace: 'shop' })
  t.strictSame(
    rows.filter((row) => row.includes('cart')),
    [
      'shop/deployment/cart 1/0 0 0',
      'shop/pod/cart-0 0/1 0 0',
      'shop/pod/cart-1 1/0 0 0',
      'shop/service/cart-svc -/- - -',
      'shop/statefulset/cart 0/1 0 0',
    ],
  )
})

t.test('within a view only the pods of its namespaces count', async (t) => {
  const ask = await asking({ east: EAST })
  const view: View = { id: 'shop', sees: ({ namespace }) => namespace === 'shop' }
  t.strictSame(await ask({ resource: 'cluster' }, view), ['/cluster/east 1/1 0 0'])
  t.strictSame(await ask({ resource: 'ns' }, view), ['shop/namespace/shop 1/1 0 0'])
  t.strictSame(await ask({ resource: 'deploy' }, view), ['shop/deployment/cart 1/0 0 0'])
  t.notMatch(await ask({ resource: 'all' }, view), /emojivoto|idle|web/)
})

t.test('pods are counted anew after a second, not before', async (t) => {
  let now = NOW
  let known = [pod('shop/deployment/cart/cart-1')]
  const counted = new CountedPods([{ cluster: 'east', pods: () => known }], () => now)
  const running = () => counted.current().resources.get('east\u0000\u0000cluster\u0000east')?.pods.running
  t.equal(running(), 1)
  known = [...known, pod('shop/deployment/cart/cart-2')]
  now += 999
  t.equal(running(), 1)
  now += 1
  t.equal(running(), 2)
  now -= 10_000
  known = []
  t.equal(running(), undefined, 'whatever the clock does')
})

t.test('what rows of a kind have adds up to the cluster, in a view as well', async (t) => {
  const pods = fc.array(
    fc
      .record({
        place: fc.constantFrom('shop/deployment/web', 'shop/job/once', 'bank/deployment/web', 'bank/pod/x'),
        phase: fc.constantFrom<KnownPod['phase'][]>('running', 'pending', 'failed', 'succeeded', 'unknown'),
      })
      .map(({ place, phase }) => ({ place, phase })),
    { maxLength: 40 },
  )
  await fc.assert(
    fc.asyncProperty(pods, fc.constantFrom(undefined, 'shop', 'bank'), async (all, only) => {
      const named = all.map(({ place, phase }, i) => pod(`${place}/pod-${i}`, phase))
      const sources = [{ cluster: 'east', pods: () => named }]
      const engine = engineOf(await storeOf([]), { pods: new CountedPods(sources, () => NOW) })
      const seen =
        only === undefined ? engine : engine.within({ id: only, sees: ({ namespace }) => namespace === only })
      const sumOf = async (resource: string) => {
        const { rows } = await seen.stat(parseStatRequest({ resource }))
        const sums = { running: 0, pending: 0, failed: 0 }
        for (const { pods } of rows) {
          for (const phase of ['running', 'pending', 'failed'] as const) sums[phase] += pods![phase]
        }
        return sums
      }
      const want = { running: 0, pending: 0, failed: 0 }
      for (const { namespace, phase } of named) {
        if ((only === undefined || namespace === only) && phase in want) want[phase as keyof typeof want]++
      }
      for (const resource of ['cluster', 'ns', 'pod']) t.strictSame(await sumOf(resource), want, resource)
    }),
    { seed: 51, numRuns: 40 },
  )
})
