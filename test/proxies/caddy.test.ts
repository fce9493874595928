import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import t from 'tap'
import { freePort } from '../../stack/free-port.ts'
import { startCaddy } from '../../stack/proxies.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import { deployed } from './deployed.ts'
import { emojiServers } from './emoji-servers.ts'
import { Load } from './load.ts'
import { pushed, until } from './pushed.ts'
import { storedEvents } from './stored-events.ts'
import { kindOf, requestsOf, tally, wordsOf } from './tally.ts'

t.test('what Caddy writes is pushed as it happened', async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/meshtap-caddy-`)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const servers = await emojiServers(t)
  const port = await freePort()
  const log = `${directory}/meshtap.log`
  const caddy = await startCaddy({
    directory,
    config: deployed('caddy/Caddyfile', [
      ['/var/log/caddy/meshtap.log', log],
      [':8000', `:${port}`],
      ['127.0.0.1:8080', `127.0.0.1:${servers.httpPort}`],
    ]),
  })
  t.teardown(() => caddy.kill())
  const load = new Load(t, port)
  for (const [what, count] of [
    ['ok', 60],
    ['fail', 7],
    ['reset', 6],
  ] as const)
    await load.http1(what, count)
  for (let i = 0; i < 4; i++) await load.get(`/wait/${i}`, { giveUp: servers.arrival(`/wait/${i}`) })
  await load.get('/ok/escaped?a="b\\c"', { host: 'shop.example' })

  const lines = await until(
    () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
    (text) => text.split('\n').length > 78,
  )
  const events = await pushed(t, 'caddy', lines)
  t.equal(events.length, 78)
  t.strictSame(
    tally(requestsOf(events, 'inbound').map(wordsOf).map(kindOf)),
    tally([
      ...Array<string>(60).fill('/ok 200'),
      ...Array<string>(7).fill('/fail 500'),
      ...Array<string>(6).fill('/reset 502'),
      ...Array<string>(4).fill('/wait reset client_abort'),
      '/ok/escaped?a="b\\c" 200',
    ]),
  )
  for (const event of requestsOf(events, 'inbound'))
    t.match(event, {
      source: { ip: '127.0.0.1' },
      destination: { kind: 'deployment', name: 'caddy' },
      method: 'GET',
    })
  t.ok(requestsOf(events, 'inbound').some(({ authority }) => authority === 'shop.example'))
})

t.test('spans of Caddy count as what servers and clients counted', async (t) => {
  const directory = mkdtempSync(`${tmpdir()}/meshtap-caddy-`)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const grpcPort = await freePort()
  const serve = await ServeProcess.start(`${directory}/data`, '--grpc-listen', `127.0.0.1:${grpcPort}`)
  t.teardown(() => serve.kill('SIGKILL'))
  const servers = await emojiServers(t)

  const senders = [
    { workload: 'by-http', endpoint: serve.ingestUrl, protocol: {}, count: 60 },
    {
      workload: 'by-grpc',
      endpoint: `http://127.0.0.1:${grpcPort}`,
      protocol: { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      count: 50,
    },
  ]
  const ports = new Map<string, number>()
  for (const { workload, endpoint, protocol, count } of senders) {
    const port = await freePort()
    ports.set(workload, port)
    const caddy = await startCaddy(
      {
        directory: `${directory}/${workload}`,
        config: deployed('caddy/Caddyfile', [
          ['import meshtap-log', 'import meshtap-spans'],
          [':8000', `:${port}`],
          ['127.0.0.1:8080', `127.0.0.1:${servers.httpPort}`],
        ]),
      },
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_RESOURCE_ATTRIBUTES: `k8s.cluster.name=east,k8s.namespace.name=edge,k8s.deployment.name=${workload}`,
        OTEL_BSP_SCHEDULE_DELAY: '100',
        ...protocol,
      },
    )
    t.teardown(() => caddy.kill())
    const load = new Load(t, port)
    await load.http1(`ok/${workload}`, count)
    await load.http1(`fail/${workload}`, 7)
    await load.http1(`reset/${workload}`, 3)
    for (let i = 0; i < 4; i++) {
      const path = `/wait/${workload}/${i}`
      await load.get(path, { giveUp: servers.arrival(path) })
    }
    const question = { resource: `deploy/${workload}`, namespace: 'edge', window: '10m' }
    const { rows } = await serve.until('stat', question, ({ rows }) => rows[0]?.requests === count + 14)
    t.match(rows, [{ cluster: 'east', name: workload, requests: count + 14, failures: 7 }])
  }

  t.equal(await serve.kill('SIGTERM'), 0)
  const events = requestsOf(await storedEvents(`${directory}/data`), 'inbound')
  t.strictSame(
    tally(events.map(wordsOf).map(kindOf)),
    tally(
      senders.flatMap(({ workload, count }) => [
        ...Array<string>(count).fill(`/ok/${workload} 200`),
        ...Array<string>(7).fill(`/fail/${workload} 500`),
        // What Caddy answers itself, a 502 here, its span does not know of.
        ...Array<string>(3).fill(`/reset/${workload} 200`),
        ...Array<string>(4).fill(`/wait/${workload} 499`),
      ]),
    ),
  )
  for (const { source, destination, method, scheme, authority, latencyMicros, path, traceId } of events) {
    const { name } = destination
    t.match(
      { source, destination, method, scheme, authority, traceId },
      {
        source: { ip: '127.0.0.1' },
        destination: { cluster: 'east', namespace: 'edge', kind: 'deployment', name: path!.split('/')[2]! },
        method: 'GET',
        scheme: 'http',
        authority: path!.startsWith('/wait')
          ? `127.0.0.1:${ports.get(name!)}`
          : path!.slice(1).split('/').slice(0, 2).join('.'),
        traceId: /^[0-9a-f]{32}$/,
      },
    )
    t.ok(latencyMicros > 0)
  }
})
