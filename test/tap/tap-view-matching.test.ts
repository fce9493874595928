import t from 'tap'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import type { TapFrame } from '../../src/tap/tap-bus.ts'
import { TapPublisher } from '../../src/tap/tap-publisher.ts'
import type { TapScope } from '../../src/tap/tap-query.ts'
import { request } from '../query/events.ts'
import { columnsOf } from './tap-traffic.ts'

const SHOP: TapScope = { cluster: 'east', namespace: 'shop', paths: true, headers: true }

const events = [
  request('secret/spy', 'shop/web', { path: '/in', requestHeaders: [{ name: 'x', value: 'y' }] }),
  request('shop/web', 'secret/vault', { path: '/out', direction: 'outbound', authority: 'vault.secret' }),
  request('secret/spy', 'secret/vault', { path: '/theirs' }),
]

/** Paths that a tap of the namespace shop publishes, and the frame. */
async function tapped(parameters: Record<string, string>, scope: Partial<TapScope> = {}) {
  const bus = new LocalTapBus()
  const frames: TapFrame[] = []
  const flows = { routes: new RouteTemplates([]), defaultCluster: 'east' }
  const publisher = await TapPublisher.open({ bus, flows, now: () => 0, every: () => () => {} })
  const query = { ...parseTapQuery(parameters), scopes: [{ ...SHOP, ...scope }] }
  await bus.register({ id: 'a', query }, 1000)
  await bus.subscribe('a', (frame) => frames.push(frame))
  publisher.observe(columnsOf(events))
  publisher.tick()
  await publisher.close()
  await bus.close()
  const candidates = frames.flatMap((frame) => frame.candidates)
  return {
    matched: frames.reduce((sum, { matched }) => sum + matched, 0),
    paths: candidates.map(({ event }) => event.path ?? 'none').sort(),
    text: JSON.stringify(candidates),
  }
}

t.test('only what is shown is matched, and published without what is not', async (t) => {
  const all = await tapped({})
  t.match(all, { matched: 2, paths: ['/in', '/out'] })
  t.notMatch(all.text, /secret|spy|vault/)
  t.match(all.text, /"cluster":"east"/, 'gateways need not know what cluster is meant')
})

t.test('what is not shown cannot be asked for', async (t) => {
  for (const parameters of [
    { to: 'deploy/vault' },
    { to: 'deploy', to_namespace: 'secret' },
    { from: 'deploy/spy' },
    { resource: 'svc/vault-svc' },
    { authority: 'vault.secret' },
    { namespace: 'secret' },
  ]) {
    t.match(await tapped(parameters), { matched: 0 }, JSON.stringify(parameters))
  }
  t.match(await tapped({ path: '/in' }), { matched: 1 })
  t.match(await tapped({ path: '/in' }, { paths: false }), { matched: 0 })
  t.match(await tapped({ header: 'x' }), { matched: 1 })
  t.match(await tapped({ header: 'x' }, { headers: false }), { matched: 0 })
  t.match(await tapped({}, { cluster: 'west' }), { matched: 0 })
  t.match(await tapped({}, { paths: false }), { matched: 2, paths: ['none', 'none'] })
})
