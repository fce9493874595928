import t from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { formatTapQuery } from '../../src/tap/format-tap-query.ts'
import { parseCanonicalTapQuery, parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import type { TapQuery, TapScope } from '../../src/tap/tap-query.ts'
import { compileTapView, eventWithin } from '../../src/tap/tap-view.ts'
import { request } from '../query/events.ts'

const scope = (namespace: string, more: Partial<TapScope> = {}): TapScope => ({
  cluster: '*',
  namespace,
  paths: true,
  headers: true,
  ...more,
})

const secretive: Partial<RequestEvent> = {
  authority: 'vault.secret',
  path: '/a',
  requestHeaders: [{ name: 'a', value: 'b' }],
  responseHeaders: [{ name: 'c', value: 'd' }],
}
const received = request('secret/spy', 'shop/web', { ...secretive, direction: 'inbound' })
const sent = request('shop/web', 'secret/vault', { ...secretive, direction: 'outbound' })

t.test('reports of namespaces that are not shown are not', async (t) => {
  const view = compileTapView([scope('shop')])
  t.equal(eventWithin(request('shop/web', 'secret/vault', { direction: 'inbound' }), view), undefined)
  t.equal(eventWithin(request('secret/spy', 'shop/web', { direction: 'outbound' }), view), undefined)
  const { source: _, ...rest } = received
  t.strictSame(eventWithin(received, view), rest, 'a stranger calls')
  const { authority: _a, ...called } = sent
  t.strictSame(eventWithin(sent, view), { ...called, destination: {} }, 'a stranger is called')
})

t.test('what a namespace shows is by its own scopes, all of them together', async (t) => {
  const view = compileTapView([
    scope('shop', { headers: false }),
    scope('sh*', { paths: false }),
    scope('plain', { headers: false, paths: false }),
    scope('secret', { cluster: 'west' }),
  ])
  t.match(eventWithin(received, view), { path: '/a', requestHeaders: [{ name: 'a' }] })
  const plain = eventWithin(request('shop/web', 'plain/web', secretive), view)
  t.match(plain, { source: { name: 'web' } })
  t.strictSame(
    ['path', 'requestHeaders', 'responseHeaders'].filter((field) => field in plain!),
    [],
  )
  t.equal(
    eventWithin(request('a/b', 'secret/vault'), view),
    undefined,
    'a cluster that is not named is not west',
  )
  t.ok(eventWithin(request('a/b', 'secret/vault', { destination: { cluster: 'west' } }), view))
})

t.test('scopes are part of the canonical text, and of none that a client gives', async (t) => {
  const query: TapQuery = { ...parseTapQuery({}), scopes: [scope('a,b/c:&='), scope('*', { paths: false })] }
  t.strictSame(parseCanonicalTapQuery(formatTapQuery(query)), query)
  t.throws(() => parseTapQuery({ scopes: '[]' }), { code: 'BAD_PARAMETER' })
  for (const text of ['x', '{}', '[1]', '[["a","b",1,true]]']) {
    t.throws(() => parseCanonicalTapQuery(new URLSearchParams({ scopes: text }).toString()), {
      code: 'BAD_PARAMETER',
    })
  }
})
