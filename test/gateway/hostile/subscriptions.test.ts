import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { GatewayProcess } from './gateway-process.ts'
import { askRaw, atOnce, GET, upgraded } from './raw-http.ts'

// On a machine that is busy with others.
t.setTimeout(300_000)

const TOKEN = 'a-token-that-is-greedy'

/** Opens websockets of these paths; answers how many were opened, and the codes of those refused. */
async function open(
  t: Test,
  gateway: GatewayProcess,
  paths: readonly string[],
  headers = '',
): Promise<Record<string, number>> {
  const answers: Record<string, number> = {}
  const sockets: Socket[] = []
  await atOnce(paths.values(), 20, async (path) => {
    const socket = await upgraded(gateway.port, path, headers)
    const isOpen = !('status' in socket)
    const code = isOpen ? 'open' : (JSON.parse(socket.body) as { code: string }).code
    if (!isOpen) t.match(socket.headers, /^HTTP\/1\.1 429 .*^retry-after: \d+/ims)
    else sockets.push(socket)
    answers[code] = (answers[code] ?? 0) + 1
  })
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  return answers
}

const times = (count: number, path: (i: number) => string) => Array.from({ length: count }, (_, i) => path(i))

t.test('who subscribes to more than is served is refused, and what is open stays', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { requestsPerMinute: 1_000_000 } })
  const tap = (i: number) => `/api/v1/tap?max_rps=${i + 1}`
  t.same(await open(t, gateway, times(230, tap)), { open: 200, TAP_LIMIT: 30 }, '200 different taps')
  t.same(
    await open(
      t,
      gateway,
      times(850, () => tap(0)),
    ),
    { open: 800, TAP_LIMIT: 50 },
    '1,000 clients of taps',
  )
  const question = (i: number) => `/api/v1/stat?resource=deploy/web-${i}`
  t.same(
    await open(t, gateway, times(120, question)),
    { open: 100, LIVE_LIMIT: 20 },
    '100 different questions',
  )
  const { taps, live } = await gateway.state()
  t.match({ taps, live }, { taps: { sessions: 1000, taps: 200 }, live: { questions: 100, clients: 100 } })
  t.equal((await askRaw(gateway.port, GET('/api/v1/stat?resource=deploy'))).status, 200, 'others may ask')
  t.comment(`${gateway.peakMiB} MiB at most`)
  t.ok(gateway.peakMiB < 400)
})

t.test('one identity has a share of the streams, and of the requests', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { requestsPerMinute: 400 }, token: TOKEN })
  const headers = `Authorization: Bearer ${TOKEN}\r\n`
  t.same(
    await open(
      t,
      gateway,
      times(130, () => '/api/v1/tap'),
      headers,
    ),
    { open: 100, STREAM_LIMIT: 30 },
  )
  const statuses: Record<number, number> = {}
  await atOnce(Array(400).keys(), 20, async () => {
    const { status } = await askRaw(gateway.port, GET('/api/v1/stat?resource=deploy', headers))
    statuses[status] = (statuses[status] ?? 0) + 1
  })
  t.ok(statuses[200]! >= 270, `${statuses[200]} are answered`)
  t.ok(statuses[429]! > 0, `${statuses[429]} are refused`)
  // Probes ask without a token, and are answered whatever others do.
  t.equal((await askRaw(gateway.port, GET('/livez'))).status, 200)
})

t.test('clients that subscribe and are gone leave nothing behind', async (t) => {
  const gateway = await GatewayProcess.start(t, { limits: { requestsPerMinute: 1_000_000 } })
  await gateway.stream(100)
  const before = gateway.residentMiB
  await atOnce(Array(600).keys(), 20, async (i) => {
    const socket = await upgraded(
      gateway.port,
      i % 3 === 0 ? '/api/v1/top?resource=deploy' : `/api/v1/tap?max_rps=${i + 1}`,
    )
    if (!('status' in socket)) socket.destroy()
  })
  const { taps, live } = await gateway.until(({ taps, live }) => taps.sessions + live.clients === 0)
  t.match({ taps: taps.taps, live: live.questions }, { taps: 0, live: 0 })
  t.comment(`${gateway.peakMiB - before} MiB at most`)
  t.ok(gateway.peakMiB - before < 200)
})
