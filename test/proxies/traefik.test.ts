import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { deployed } from './deployed.ts'
import { pushed } from './pushed.ts'
import { requestsOf, wordsOf } from './tally.ts'

const LINES = readFileSync(new URL('../fixtures/traefik/access.ndjson', import.meta.url), 'utf8')
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

// No package brings a Traefik: its lines are as its documentation has them.
t.test('what Traefik is documented to write is pushed as it happened', async (t) => {
  const events = await pushed(t, 'traefik', LINES)
  const inbound = requestsOf(events, 'inbound')
  t.strictSame(inbound.map(wordsOf), [
    '/cart/1?x=y 200',
    '/cart/1?x=y 200',
    '/nowhere 404',
    '/broken 502',
    '/gone reset client_abort',
  ])
  const ended = Date.parse('2026-11-24T10:00:00.5Z') + 12
  t.match(inbound[0], {
    timeMs: ended,
    latencyMicros: 12_346,
    source: { ip: '10.0.0.9' },
    destination: { kind: 'deployment', name: 'traefik' },
    method: 'GET',
    scheme: 'http',
    authority: 'shop.example',
    route: 'shop@file',
    requestBytes: 7,
    responseBytes: 5,
    tls: false,
    traceId: TRACE,
  })
  t.match(inbound[1], { tls: true, scheme: 'https', traceId: TRACE })

  const outbound = requestsOf(events, 'outbound')
  t.strictSame(outbound.map(wordsOf), [
    '/cart/1?x=y 200',
    '/cart/1?x=y 200',
    '/broken 502',
    '/gone reset client_abort',
  ])
  t.match(outbound[0], {
    latencyMicros: 12_000,
    source: { name: 'traefik' },
    destination: { service: 'cart', ip: '10.0.0.5', port: 8080 },
  })
  t.match(outbound[1], { destination: { service: 'cart', ip: 'fd00::5', port: 8080 } })
})

t.test('the configuration for Traefik has it write what the mapping reads', async (t) => {
  t.match(parse(deployed('traefik/traefik.yml', [])), {
    accessLog: {
      format: 'json',
      fields: { defaultMode: 'keep', headers: { defaultMode: 'drop', names: { Traceparent: 'keep' } } },
    },
  })
})
