import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t, { type Test } from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { freePort } from '../../stack/free-port.ts'
import { startTraefik } from '../../stack/proxies.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import { deployed } from './deployed.ts'
import { type EmojiServers, emojiServers } from './emoji-servers.ts'
import { Load } from './load.ts'
import { pushed, until } from './pushed.ts'
import { storedEvents } from './stored-events.ts'
import { kindOf, requestsOf, tally, wordsOf } from './tally.ts'

const LINES = readFileSync(new URL('../fixtures/traefik/access.ndjson', import.meta.url), 'utf8')
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

interface TraefikOptions {
  readonly directory: string
  readonly servers: EmojiServers
  /** Its static configuration, but for where it listens and what it passes on. */
  readonly config: string
  readonly environment?: Readonly<Record<string, string>>
}

/** A Traefik before the servers; answers where it listens, once it has its routes. */
async function traefik(
  t: Test,
  { directory, servers, config, environment }: TraefikOptions,
): Promise<number> {
  const port = await freePort()
  writeFileSync(
    `${directory}/routes.yml`,
    `http:
  routers:
    shop: { rule: 'PathPrefix(\`/\`)', service: emoji }
    dead: { rule: 'PathPrefix(\`/dead\`)', service: dead }
  services:
    emoji: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:${servers.httpPort}' }] } }
    dead: { loadBalancer: { servers: [{ url: 'http://127.0.0.1:${await freePort()}' }] } }
`,
  )
  const proxy = await startTraefik(
    {
      directory,
      config: `${config}
global: { checkNewVersion: false, sendAnonymousUsage: false }
log: { level: INFO, noColor: true }
entryPoints: { web: { address: '127.0.0.1:${port}' } }
providers: { file: { filename: '${directory}/routes.yml' } }
`,
    },
    environment,
  )
  t.teardown(() => proxy.kill())
  const probe = new Load(t, port)
  do await probe.get('/probe', { host: 'probe' })
  while (probe.seen.get('/probe')!.at(-1) === 404)
  return port
}

/** Requests of every ending; those that are given up at the servers. */
async function drive(load: Load, servers: EmojiServers, name: string): Promise<void> {
  await load.http1(`ok/${name}`, 60)
  await load.http1(`fail/${name}`, 7)
  await load.http1(`dead/${name}`, 5)
  for (let i = 0; i < 4; i++) {
    const path = `/wait/${name}/${i}`
    await load.get(path, { giveUp: servers.arrival(path) })
  }
}

/** How Traefik tells of them; `gone` is a client that went away. */
function driven(name: string, gone: string): string[] {
  return [
    ...Array<string>(60).fill(`/ok/${name} 200`),
    ...Array<string>(7).fill(`/fail/${name} 500`),
    ...Array<string>(5).fill(`/dead/${name} 502`),
    ...Array<string>(4).fill(`/wait/${name} ${gone}`),
  ]
}

function withoutProbes(events: readonly RequestEvent[]): RequestEvent[] {
  return events.filter(({ path }) => path !== '/probe')
}

function directoryFor(t: Test): string {
  const directory = mkdtempSync(`${tmpdir()}/meshtap-traefik-`)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

t.test('what Traefik writes is pushed as it happened', async (t) => {
  const directory = directoryFor(t)
  const servers = await emojiServers(t)
  const log = `${directory}/meshtap.log`
  const port = await traefik(t, {
    directory,
    servers,
    config: deployed('traefik/traefik.yml', [['/var/log/traefik/meshtap.log', log]]),
  })
  const load = new Load(t, port)
  await drive(load, servers, 'log')
  await load.get('/ok/escaped?a="b\\c"', { host: 'shop.example' })
  const expected = 60 + 7 + 5 + 4 + 1
  const lines = await until(
    () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    (text) => text.split('\n').filter((line) => line !== '' && !line.includes('/probe')).length === expected,
  )
  const events = await pushed(t, 'traefik', lines)
  const inbound = withoutProbes(requestsOf(events, 'inbound'))
  const outbound = withoutProbes(requestsOf(events, 'outbound'))
  for (const side of [inbound, outbound])
    t.strictSame(
      tally(side.map(wordsOf).map(kindOf)),
      tally([...driven('log', 'reset client_abort'), '/ok/escaped?a="b\\c" 200']),
    )
  for (const event of inbound)
    t.match(event, {
      source: { ip: '127.0.0.1' },
      destination: { kind: 'deployment', name: 'traefik' },
      method: 'GET',
      scheme: 'http',
      tls: false,
      route: event.path!.startsWith('/dead') ? 'dead@file' : 'shop@file',
    })
  for (const event of outbound)
    t.match(event, {
      source: { name: 'traefik' },
      destination: { ip: '127.0.0.1', service: event.path!.startsWith('/dead') ? 'dead' : 'emoji' },
    })
  t.ok(inbound.some(({ authority }) => authority === 'shop.example'))
})

t.test('spans of Traefik count as what servers and clients counted', async (t) => {
  const directory = directoryFor(t)
  const grpcPort = await freePort()
  const serve = await ServeProcess.start(`${directory}/data`, '--grpc-listen', `127.0.0.1:${grpcPort}`)
  t.teardown(() => serve.kill('SIGKILL'))
  const servers = await emojiServers(t)
  const port = await traefik(t, {
    directory,
    servers,
    config: deployed('traefik/tracing.yml', [['meshtap:4317', `127.0.0.1:${grpcPort}`]]),
    environment: {
      OTEL_RESOURCE_ATTRIBUTES: 'k8s.cluster.name=east,k8s.namespace.name=edge,k8s.deployment.name=traefik',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
  })
  await drive(new Load(t, port), servers, 'spans')
  for (const [authority, count] of [
    ['ok.spans', 60],
    ['fail.spans', 7],
    ['dead.spans', 5],
    [`127.0.0.1:${port}`, 4],
  ] as const) {
    const question = { resource: `authority/${authority}`, namespace: 'edge', window: '10m' }
    const { rows } = await serve.until('stat', question, ({ rows }) => rows[0]?.requests === count)
    t.match(rows, [{ requests: count }], authority)
  }
  t.equal(await serve.kill('SIGTERM'), 0)
  const events = await storedEvents(`${directory}/data`)
  for (const direction of ['inbound', 'outbound'] as const) {
    const requests = withoutProbes(requestsOf(events, direction))
    t.strictSame(tally(requests.map(wordsOf).map(kindOf)), tally(driven('spans', '499')), direction)
    const us = direction === 'inbound' ? 'destination' : 'source'
    for (const event of requests)
      t.match(event[us], { cluster: 'east', namespace: 'edge', kind: 'deployment', name: 'traefik' })
  }
})

t.test('lines of Traefik 2 are pushed as its documentation has them', async (t) => {
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
