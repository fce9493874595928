import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Agent } from 'undici'
import { freePort } from '../../stack/free-port.ts'
import type { ReasonRow } from '../../src/query/answer.ts'
import { authority } from '../certificates.ts'
import { runCli } from '../cli/run-cli.ts'
import { ServeProcess } from '../e2e/serve-process.ts'
import { emojiServers } from './emoji-servers.ts'
import { Load, tcpConnections } from './load.ts'
import { type Sidecar, startSidecar } from './sidecar.ts'
import { storedEvents } from './stored-events.ts'
import {
  isFailure,
  kindOf,
  requestsOf,
  seenWords,
  servedWords,
  type Tally,
  tally,
  total,
  wordsOf,
} from './tally.ts'

t.setTimeout(120_000)

const WINDOW = '10m'
const TO_EMOJI = { resource: 'deploy/web', to: 'svc/emoji', namespace: 'shop', window: WINDOW }
const OF_EMOJI = { resource: 'deploy/emoji', namespace: 'shop', window: WINDOW }

type Reasons = Readonly<Record<string, string>>

/** Fewer than Envoy retries at once (3 by default). */
const RETRIED_AT_ONCE = 2

/** `meshtap serve`, with gRPC at a port that stays the same when it is started again. */
function meshtap(t: Test, data: string, port: number): Promise<ServeProcess> {
  return ServeProcess.start(data, '--grpc-listen', `127.0.0.1:${port}`).then((serve) => {
    t.teardown(() => serve.kill('SIGKILL'))
    return serve
  })
}

t.test('what two Envoys say is what servers and clients counted', async (t) => {
  const directory = t.testdir()
  const data = `${directory}/data`
  const port = await freePort()
  const serve = await meshtap(t, data, port)
  const servers = await emojiServers(t)
  const emoji = await startSidecar(t, {
    directory,
    workload: 'emoji',
    ports: { app: servers.httpPort, app_grpc: servers.grpcPort, meshtap: port },
  })
  const web = await startSidecar(t, {
    directory,
    workload: 'web',
    ports: { emoji: emoji.ports['inbound']!, database: servers.tcpPort, meshtap: port },
  })
  const load = new Load(t, web.ports['outbound']!)

  await Promise.all([load.http1('ok', 900), load.http2('ok', 600), load.grpc('Find', 400)])
  await Promise.all([load.grpc('Miss', 60), load.grpc('Break', 60)])
  for (const [what, count, width] of [
    ['fail', 40, undefined],
    ['dead', 20, undefined],
    ['hang', 10, undefined],
    ['retry', 30, RETRIED_AT_ONCE],
    ['down', 20, RETRIED_AT_ONCE],
    ['reset', 20, RETRIED_AT_ONCE],
  ] as const) {
    await load.http1(what, count, width)
    await load.http2(what, count, width)
  }
  for (let i = 0; i < 5; i++) {
    await load.get(`/wait/${i}`, { giveUp: servers.arrival(`/wait/${i}`) })
    await load.giveUp2(`/wait/h2/${i}`, servers.arrival(`/wait/h2/${i}`))
  }
  t.equal(await tcpConnections(web.ports['outbound-tcp']!, 50, 'vote'), 50 * 8)

  const seen = tally(seenWords(load.seen))
  const served = tally(servedWords(servers.served))
  t.ok(total(seen) >= 2000, `${total(seen)} requests`)
  for (const what of ['retry', 'down', 'reset'])
    t.ok(total(tally([...servedWords(servers.served)].filter((words) => words.startsWith(`/${what}/`)))) > 40)

  // By workload, as users ask.
  const refusals = tally([...seenWords(load.seen)].filter((words) => words.startsWith('/dead')))
  const answered = tally([...seenWords(load.seen)].filter((words) => !words.startsWith('/dead')))
  const refused = total(refusals)
  const rows = async (question: Record<string, string>, requests: number) =>
    (await serve.until('stat', question, (answer) => answer.rows[0]?.requests === requests)).rows
  t.match(await rows(OF_EMOJI, total(served)), [
    { cluster: 'east', name: 'emoji', requests: total(served), failures: failures(served) },
  ])
  t.match(await rows(TO_EMOJI, total(seen) - refused), [
    { name: 'web', requests: total(seen) - refused, failures: failures(seen) - refused },
  ])
  t.match(await rows({ ...TO_EMOJI, to: 'svc/dead' }, refused), [{ requests: refused, failures: refused }])

  // By reason, of what the workload was asked and what it asked itself.
  for (const [options, expected] of [
    [['deploy/emoji'], served],
    [['deploy/web', '--to', 'svc/emoji'], answered],
    [['deploy/web', '--to', 'svc/dead'], refusals],
  ] as const)
    t.strictSame(await statByReason(serve, options), byReason(expected), `stat ${options.join(' ')}`)

  // By request, its ending and reason.
  t.equal(await serve.kill('SIGTERM'), 0)
  const events = await storedEvents(data)
  for (const [direction, expected] of [
    ['inbound', served],
    ['outbound', seen],
  ] as const) {
    const words = requestsOf(events, direction).map(wordsOf)
    t.strictSame(tally(words.map(kindOf)), byKind(expected), `${direction}, by kind`)
    t.strictSame(tally(words), expected, direction)
  }
  const connections = events.filter((event) => event.kind === 'connection')
  const sum = (field: 'opened' | 'closed' | 'readBytes' | 'writtenBytes') =>
    connections.reduce((sofar, event) => sofar + (event[field] ?? 0), 0)
  t.strictSame(
    [sum('opened'), sum('closed'), sum('readBytes'), sum('writtenBytes')],
    [servers.tcp.connections, servers.tcp.connections, servers.tcp.sent, servers.tcp.received],
  )
  t.ok(
    connections.every(
      ({ direction, destination: { service } }) => direction + service === 'outbounddatabase',
    ),
  )
})

t.test('over mutual TLS events say who both ends are', async (t) => {
  const directory = t.testdir()
  const data = `${directory}/data`
  const port = await freePort()
  const signer = authority(directory)
  const own = signer.sign('meshtap', 'IP:127.0.0.1')
  const tls = { 'tls-cert': own.certFile, 'tls-key': own.keyFile, 'tls-client-ca': signer.caFile }
  const flags = Object.entries(tls).flatMap(([name, file]) => [`--${name}`, file])
  const serve = await ServeProcess.start(data, '--grpc-listen', `127.0.0.1:${port}`, ...flags)
  t.teardown(() => serve.kill('SIGKILL'))
  const servers = await emojiServers(t)
  const identityOf = (workload: string) => `spiffe://mesh/ns/shop/sa/${workload}`
  const sidecar = (workload: string, ports: Tally) => {
    const certificate = signer.sign(workload, `URI:${identityOf(workload)}`)
    const tls = { authority: signer, certificate }
    return startSidecar(t, { directory, workload, ports: { ...ports, meshtap: port }, tls })
  }
  const emoji = await sidecar('emoji', { app: servers.httpPort, app_grpc: servers.grpcPort })
  const web = await sidecar('web', { emoji: emoji.ports['inbound']! })

  const load = new Load(t, web.ports['outbound']!)
  await Promise.all([load.http1('ok', 100), load.http2('ok', 50), load.grpc('Find', 50)])
  await load.http1('fail', 10)
  // Who has no certificate is not let in.
  const stranger = new Load(t, emoji.ports['inbound']!)
  await stranger.http1('stranger', 5)
  t.strictSame([...stranger.seen.values()].flat(), Array<string>(5).fill('broken'))

  const { cert, key } = signer.sign('reader')
  const reader = new Agent({ connect: { ca: signer.ca, cert, key } })
  t.teardown(() => reader.close())
  serve.dispatcher = reader
  for (const question of [TO_EMOJI, OF_EMOJI]) {
    const { rows } = await serve.until('stat', question, ({ rows }) => rows[0]?.requests === 210)
    t.match(rows, [{ requests: 210, failures: 10 }])
  }
  const identities = {
    clientIdentities: [identityOf('web')],
    serverIdentities: [identityOf('emoji')],
    secured: 1,
  }
  t.match((await serve.ask('edges', { resource: 'deploy/emoji', namespace: 'shop', window: WINDOW })).rows, [
    { destination: { name: 'emoji' }, requests: 210, ...identities },
  ])
  t.equal(await serve.kill('SIGTERM'), 0)
  const events = await storedEvents(data)
  t.equal(requestsOf(events, 'outbound').length, 210)
  const inbound = requestsOf(events, 'inbound')
  t.strictSame(
    tally(
      inbound.map(({ source, destination, tls }) => `${source?.identity} ${destination.identity} ${tls}`),
    ),
    { [`${identityOf('web')} ${identityOf('emoji')} true`]: 210 },
  )
})

t.test('what Envoy keeps arrives; what it sent in vain is not guessed, and nothing is doubled', async (t) => {
  const directory = t.testdir()
  const data = `${directory}/data`
  const port = await freePort()
  let serve = await meshtap(t, data, port)
  const servers = await emojiServers(t)
  const web = await startSidecar(t, {
    directory,
    workload: 'web',
    ports: { emoji: servers.httpPort, meshtap: port },
  })
  const load = new Load(t, web.ports['outbound']!)
  /** Makes requests, and waits until meshtap has as many of that authority. */
  const arrive = async (what: string, count: number) => {
    await load.http1(what, count)
    const question = { resource: `authority/${what.replaceAll('/', '.')}`, window: WINDOW }
    const { rows } = await serve.until('stat', question, (answer) => (answer.rows[0]?.requests ?? 0) >= count)
    t.equal(rows[0]?.requests, count, what)
  }

  await arrive('ok/before', 300)
  // Stopped, ingest takes nothing, and the connection stays: what cannot be sent waits in Envoy.
  serve.child.kill('SIGSTOP')
  await load.http1('ok/kept', 300)
  serve.child.kill('SIGCONT')
  await arrive('ok/resumed', 20)
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await serve.kill(signal)
    await load.http1(`ok/away/${signal}`, 300)
    serve = await meshtap(t, data, port)
    await reconnected(serve, load, signal)
    await arrive(`ok/after/${signal}`, 300)
  }
  await serve.kill('SIGTERM')

  const words = requestsOf(await storedEvents(data), 'outbound').map(wordsOf)
  const stored = tally(words)
  const seen = tally(seenWords(load.seen))
  t.ok(
    Object.values(stored).every((count) => count === 1),
    'no request twice',
  )
  t.ok(
    Object.keys(stored).every((request) => seen[request] === 1),
    'each was made, and ended so',
  )
  const kinds = byKind(stored)
  for (const [kind, count] of Object.entries(byKind(seen))) {
    if (/before|kept|resumed|after/.test(kind)) t.equal(kinds[kind], count, kind)
    else t.comment(`${kind}: ${kinds[kind] ?? 0} of ${count} arrived`)
  }
  const { logs_written: written = 0, logs_dropped: dropped = 0 } = await accessLogStats(web)
  t.equal(written + dropped, total(seen), 'Envoy accounts for every request')
  const { 'cluster.meshtap.upstream_cx_connect_fail': refused = 0 } = await web.stats('meshtap.*connect_fail')
  t.ok(refused > 0, 'that it wrote in vain shows in the figures of its cluster')
  t.ok(words.length <= written, `of ${written} that Envoy wrote ${words.length} arrived`)
})

t.test('spans of Envoy count as its access logs do', async (t) => {
  const directory = t.testdir()
  const data = `${directory}/data`
  const port = await freePort()
  const serve = await meshtap(t, data, port)
  const servers = await emojiServers(t)
  const ports = { emoji: servers.httpPort, meshtap: port }
  const web = await startSidecar(t, { directory, workload: 'web', ports, isTracing: true })
  const load = new Load(t, web.ports['outbound']!)
  // Multiples of five, which Envoy does not keep back.
  for (const [what, count] of [
    ['ok', 50],
    ['fail', 10],
    ['hang', 5],
    ['dead', 5],
  ] as const)
    await load.http1(what, count)
  const seen = tally(seenWords(load.seen))
  await serve.until('stat', TO_EMOJI, (answer) => answer.rows[0]?.requests === 65)
  await serve.kill('SIGTERM')
  t.strictSame(tally(requestsOf(await storedEvents(data), 'outbound').map(wordsOf)), seen)
})

/** `requests failures` by reason, as the command line has them. */
async function statByReason({ gatewayUrl }: ServeProcess, options: readonly string[]): Promise<Reasons> {
  const common = ['-n', 'shop', '--window', WINDOW, '--by', 'reason', '-o', 'json', '--gateway', gatewayUrl]
  const { code, stdout, stderr } = await runCli(['stat', ...options, ...common])
  if (code !== 0) throw new Error(stderr)
  const rows = JSON.parse(stdout) as Pick<ReasonRow, 'reason' | 'requests' | 'failures'>[]
  return Object.fromEntries(
    rows.map(({ reason, requests, failures }) => [reason, `${requests} ${failures}`] as const).sort(byFirst),
  )
}

/** The same of what servers and clients counted: the reason is the last of the words. */
function byReason(expected: Tally): Reasons {
  const sums = new Map<string, readonly [number, number]>()
  for (const [words, count] of Object.entries(expected)) {
    const reason = / ([A-Z,]+)$/.exec(words)?.[1] ?? ''
    const [requests, failed] = sums.get(reason) ?? [0, 0]
    sums.set(reason, [requests + count, failed + (isFailure(words) ? count : 0)])
  }
  return Object.fromEntries(
    [...sums].map(([reason, both]) => [reason, both.join(' ')] as const).sort(byFirst),
  )
}

function byFirst([a]: readonly [string, string], [b]: readonly [string, string]): number {
  return a < b ? -1 : 1
}

function failures(expected: Tally): number {
  return Object.entries(expected).reduce((sum, [words, count]) => sum + (isFailure(words) ? count : 0), 0)
}

function byKind(counts: Tally): Tally {
  return tally(Object.entries(counts).flatMap(([words, count]) => Array<string>(count).fill(kindOf(words))))
}

async function accessLogStats(web: Sidecar): Promise<{ logs_written?: number; logs_dropped?: number }> {
  const stats = await web.stats('access_logs')
  return Object.fromEntries(Object.entries(stats).map(([name, value]) => [name.split('.').at(-1), value]))
}

/** Makes requests until the first arrives: until then Envoy may write to the connection that it has lost. */
async function reconnected(serve: ServeProcess, load: Load, signal: string): Promise<void> {
  const host = `ok.probe.${signal}`
  const question = { resource: `authority/${host}`, window: WINDOW }
  const isThere = async () => ((await serve.ask('stat', question)).rows[0]?.requests ?? 0) > 0
  for (let i = 0; !(await isThere()); i++) {
    await load.get(`/ok/probe/${signal}/${i}`, { host })
    await sleep(100)
  }
}
