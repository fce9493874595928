import t from 'tap'
import type { Endpoint, MeshEvent } from '../../src/event/event.ts'
import type { EdgeRow } from '../../src/query/answer.ts'
import type { Parameters } from '../../src/query/parameters.ts'
import { parseEdgesRequest } from '../../src/query/requests.ts'
import { bothSides, connection, request, times } from './events.ts'
import { engineOn } from './world.ts'

const UNKNOWN: Endpoint = { namespace: '', name: '', pod: '', service: '' }

function end({ namespace, kind, name }: EdgeRow['source']): string {
  return [
    ...(namespace === 'emojivoto' ? [] : [namespace]),
    ...(kind === 'deployment' ? [] : [kind]),
    name,
  ].join('/')
}

function short({ source, destination, requests }: EdgeRow): string {
  return `${end(source)} -> ${end(destination)} ${requests}`
}

async function rows(events: readonly MeshEvent[], parameters: Parameters = {}): Promise<readonly EdgeRow[]> {
  return (await (await engineOn(events)).edges(parseEdgesRequest(parameters))).rows
}

async function edges(events: readonly MeshEvent[], parameters: Parameters = {}): Promise<readonly string[]> {
  return (await rows(events, parameters)).map(short)
}

t.test('an edge is counted once, from the source’s side where it reports', async (t) => {
  const events = [
    ...bothSides('bot', 'web'),
    ...bothSides('web', 'emoji', { status: 500, latencyMicros: 4000 }),
    ...bothSides('web', 'emoji'),
    request('legacy', 'web'),
    request('web', 'shop/db', { direction: 'outbound' }),
  ]
  t.strictSame(await edges(events), ['bot -> web 1', 'legacy -> web 1', 'web -> emoji 2', 'web -> shop/db 1'])
  const [, , webToEmoji] = await rows(events)
  t.match(webToEmoji, { success: 0.5, rps: 2 / 65, requests: 2, failures: 1, tcpOpen: null, secured: null })
  t.match(webToEmoji, {
    clientIdentities: [],
    serverIdentities: [],
    source: { cluster: 'east', name: 'web' },
  })
})

t.test('an edge is shown for a resource at either end, or between two', async (t) => {
  const events = [...bothSides('bot', 'web'), ...bothSides('web', 'emoji'), ...bothSides('web', 'shop/cart')]
  t.strictSame(await edges(events, { resource: 'deploy/emoji' }), ['web -> emoji 1'])
  t.strictSame(await edges(events, { resource: 'deploy/web' }), [
    'bot -> web 1',
    'web -> emoji 1',
    'web -> shop/cart 1',
  ])
  t.strictSame(await edges(events, { namespace: 'shop' }), ['web -> shop/cart 1'])
  t.strictSame(await edges(events, { resource: 'ns/shop' }), ['web -> shop/cart 1'])
  t.strictSame(await edges(events, { resource: 'sts' }), [])
  t.strictSame(await edges(events, { resource: 'deploy/web', to: 'ns/emojivoto' }), ['web -> emoji 1'])
  t.strictSame(await edges(events, { resource: 'deploy/web', from: 'deploy' }), ['bot -> web 1'])
  t.strictSame(await edges(events, { cluster: 'west' }), [])
})

async function secured(...tls: (boolean | undefined)[]): Promise<number | null> {
  const events = tls.map((value) => request('bot', 'web', value === undefined ? {} : { tls: value }))
  return (await rows(events))[0]!.secured
}

t.test('secured is the share of requests over TLS, of those of which it is known', async (t) => {
  t.equal(await secured(undefined), null)
  t.equal(await secured(true, true), 1)
  t.equal(await secured(false), 0)
  t.equal(await secured(true, true, true, false, undefined), 0.75)
})

const spiffe = (name: string) => `spiffe://mesh/sa/${name}`

t.test('an edge has the identities that either side saw', async (t) => {
  const ends = { source: { identity: spiffe('web') }, destination: { identity: spiffe('emoji') } }
  const events = [
    request('web', 'emoji', { ...ends, tls: true }),
    // The side that counts saw no certificate, and does not know of TLS.
    request('web', 'emoji', { direction: 'outbound' }),
    request('bot', 'web', { source: { identity: spiffe('z') } }),
    request('bot', 'web', { source: { identity: spiffe('a'), pod: 'bot-2' } }),
  ]
  t.match(await rows(events), [
    { clientIdentities: [spiffe('a'), spiffe('z')], serverIdentities: [], secured: null },
    { clientIdentities: [spiffe('web')], serverIdentities: [spiffe('emoji')], secured: 1, requests: 1 },
  ])
})

t.test('an edge has eight identities of an end, a series four', async (t) => {
  const events = Array.from({ length: 100 }, (_, i) =>
    request('bot', 'web', {
      source: { identity: spiffe(String(100 + i)) },
      destination: { pod: `web-${i % 5}` },
    }),
  )
  const [row] = await rows(events)
  t.strictSame(
    row!.clientIdentities,
    Array.from({ length: 8 }, (_, i) => spiffe(String(100 + i))),
  )
})

t.test('a client outside of the mesh stays, with what is known of it', async (t) => {
  const stranger = { source: UNKNOWN }
  const byAddress = { source: { ...UNKNOWN, ip: '10.1.2.3' } }
  t.strictSame(await edges([request('', 'web', stranger)]), ['// -> web 1'])
  t.strictSame(await edges([request('', 'web', byAddress)]), ['/ip/10.1.2.3 -> web 1'])
  t.strictSame(
    await edges([...bothSides('bot', 'web'), request('', 'web', stranger)]),
    ['// -> web 1', 'bot -> web 1'],
    'this destination knows its clients, so a nameless one is none of the mesh',
  )
  t.strictSame(
    await edges([
      request('bot', 'web', { direction: 'outbound' }),
      ...times(2, () => request('', 'web', stranger)),
    ]),
    ['bot -> web 1'],
    'this one never knows a client, and the callers’ own reports say who they are',
  )
  t.strictSame(
    await edges([request('bot', 'web', { direction: 'outbound' }), request('', 'web', byAddress)]),
    ['bot -> web 1'],
    'an address does not say who it is',
  )
})

t.test('a destination outside of the mesh stays, with what is known of it', async (t) => {
  const outbound = { direction: 'outbound' } as const
  const service = { ...outbound, destination: { ...UNKNOWN, namespace: 'emojivoto', service: 'web-svc' } }
  const stranger = { ...outbound, destination: UNKNOWN }
  t.strictSame(await edges([request('bot', '', service)]), ['bot -> service/web-svc 1'])
  t.strictSame(
    await edges([request('bot', '', service), request('bot', 'web')]),
    ['bot -> web 1'],
    'the proxies behind the service say who calls them',
  )
  t.strictSame(
    await edges([request('bot', '', service), request('', 'web', { source: UNKNOWN })]),
    ['bot -> service/web-svc 1'],
    'they do not say who calls them: only one side is counted all the same',
  )
  t.strictSame(await edges([request('bot', '', stranger)]), ['bot -> // 1'])
  t.strictSame(
    await edges([request('bot', '', stranger), ...bothSides('bot', 'web')]),
    ['bot -> // 1', 'bot -> web 1'],
    'this source knows where it calls, so a nameless one is none of the mesh',
  )
  t.strictSame(
    await edges([request('bot', '', stranger), request('bot', 'web')]),
    ['bot -> web 1'],
    'this one never knows, and the destinations’ own reports say what they are',
  )
})

t.test('open connections make an edge even without requests', async (t) => {
  const events = [
    connection('web', 'db', { direction: 'outbound', open: 5 }),
    connection('web', 'db', { direction: 'inbound', open: 6 }),
  ]
  const [row, ...others] = await rows(events)
  t.match(row, { tcpOpen: 5, requests: 0, success: null, rps: null, latencyMs: null })
  t.equal(others.length, 0)
})
