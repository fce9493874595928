import fc from 'fast-check'
import t from 'tap'
import type { Endpoint, MeshEvent } from '../../src/event/event.ts'
import { parseEdgesRequest, parseStatRequest, parseTopRequest } from '../../src/query/requests.ts'
import type { View } from '../../src/query/view.ts'
import { trafficEvents } from '../rollup/traffic.ts'
import { bothSides, request } from './events.ts'
import { everyAnswer } from './every-answer.ts'
import { engineOn, NOW } from './world.ts'

const viewOf = (...namespaces: string[]): View => ({
  id: namespaces.join(','),
  sees: ({ namespace }) => namespaces.includes(namespace),
})

const ends = ({ direction, source, destination }: MeshEvent): [Endpoint | undefined, Endpoint | undefined] =>
  direction === 'inbound' ? [destination, source] : [source, destination]

/** The events of a mesh in which there never were other namespaces: their workloads are strangers there. */
function eventsWithin(events: readonly MeshEvent[], { sees }: View): MeshEvent[] {
  const isSeen = (end: Endpoint | undefined) => sees({ cluster: '', namespace: end?.namespace ?? '' })
  return events.flatMap((event): MeshEvent[] => {
    const [reporter, peer] = ends(event)
    if (!isSeen(reporter)) return []
    if ((peer?.namespace ?? '') === '' || isSeen(peer)) return [event]
    // Proxies tell of open connections by peer; strangers would be taken for one.
    if (event.kind === 'connection') return []
    const { source, authority, ...rest } = event
    if (event.direction === 'inbound') return [{ ...rest, ...(authority === undefined ? {} : { authority }) }]
    return [{ ...rest, ...(source === undefined ? {} : { source }), destination: {} }]
  })
}

/** Without what `eventsWithin` cannot tell the same way. */
const isComparable = (view: View) => (event: MeshEvent) =>
  event.kind === 'request' || eventsWithin([event], view).length === 1

t.test('answers within a view are those of data that never held anything else', async (t) => {
  const traffic = fc.array(trafficEvents({ fromMs: NOW - 120_000, toMs: NOW }), {
    minLength: 1,
    maxLength: 150,
  })
  let compared = 0
  await fc.assert(
    fc.asyncProperty(traffic, fc.constantFrom('emojivoto', 'boutique'), async (all, namespace) => {
      const view = viewOf(namespace)
      const events = all.filter((event) => event.kind === 'request' || isComparable(view)(event))
      const own = eventsWithin(events, view)
      if (own.length === 0) return
      compared++
      const engine = await engineOn(events)
      // What a question without a view leaves in caches must not show.
      await everyAnswer(engine)
      t.strictSame(await everyAnswer(engine.within(view)), await everyAnswer(await engineOn(own)))
    }),
    { seed: 31, numRuns: 40 },
  )
  t.ok(compared > 30, `${compared} compared`)
})

t.test('no answer within a view holds a name from elsewhere', async (t) => {
  const events = [
    ...bothSides('secret/spy', 'emojivoto/web', { authority: 'web.emojivoto' }),
    ...bothSides('emojivoto/web', 'secret/vault', { authority: 'vault.secret:80' }),
    request('secret/spy', 'secret/vault', { path: '/vault-only' }),
  ]
  const engine = await engineOn(events)
  const view = viewOf('emojivoto')
  const answers = JSON.stringify([
    await everyAnswer(engine.within(view)),
    await engine.within(view).stat(parseStatRequest({ resource: 'deploy/none' })),
    await engine.within(view).top(parseTopRequest({ resource: 'deploy/web', to: 'deploy' })),
  ])
  t.notMatch(answers, /secret|spy|vault/)
  t.match(answers, /web/)
  t.match(JSON.stringify(await everyAnswer(engine)), /vault-only/)
  const asked = async (name: string) => {
    const pair = { resource: `deploy/${name}`, from: 'deploy/web' }
    return JSON.stringify(await engine.within(view).stat(parseStatRequest(pair))).replaceAll(name, 'NAME')
  }
  t.equal(await asked('vault'), await asked('nothing'), 'what is there is as unknown as what is not')
})

t.test('calls to and from elsewhere count, by whoever reports them', async (t) => {
  const engine = await engineOn([
    ...bothSides('secret/spy', 'emojivoto/web'),
    ...bothSides('secret/other', 'emojivoto/web'),
    ...bothSides('emojivoto/web', 'secret/vault'),
  ])
  const within = engine.within(viewOf('emojivoto'))
  const { rows } = await within.stat(parseStatRequest({ resource: 'deploy' }))
  t.match(rows, [{ name: 'web', requests: 2 }])
  const edges = await within.edges(parseEdgesRequest({}))
  t.match(edges.rows, [
    { source: { namespace: '', name: '' }, destination: { name: 'web' }, requests: 2 },
    { source: { name: 'web' }, destination: { namespace: '', name: '' }, requests: 1 },
  ])
})

t.test('the caches of the last sixteen views are kept', async (t) => {
  const engine = await engineOn([])
  const first = engine.within(viewOf('a'))
  t.equal(engine.within(viewOf('a')), first)
  for (let i = 0; i < 16; i++) engine.within(viewOf(`other-${i}`))
  t.not(engine.within(viewOf('a')), first)
})
