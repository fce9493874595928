/** Taps from the gateway to clients, which are in processes of their own: what a stream to many costs, and how late events are. */
import type { AddressInfo } from 'node:net'
import { createGateway } from '../src/gateway/gateway.ts'
import { TapHub } from '../src/gateway/tap-hub.ts'
import type { RequestEvent } from '../src/event/event.ts'
import { Dictionary } from '../src/event/dictionary.ts'
import { EventColumns } from '../src/event/event-columns.ts'
import { addEvent } from '../src/event/event-objects.ts'
import { RouteTemplates } from '../src/rollup/route.ts'
import { LocalTapBus } from '../src/tap/local/local-tap-bus.ts'
import { TapPublisher } from '../src/tap/tap-publisher.ts'
import { engineOn } from '../test/query/world.ts'
import { quantile, report } from './figure.ts'
import { StreamClients } from './stream-clients.ts'
import { traffic } from './traffic.ts'

const EVENTS_A_SECOND = 10_000
const STEP_MS = 10
const STREAM_MS = 4000
const WARM_MS = 1500

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

const bus = new LocalTapBus()
const taps = new TapHub({ bus, limits: { sessions: 10_000, queueBytes: 10_000 * 128 * 1024 } })
const app = await createGateway({
  engine: await engineOn([]),
  taps,
  ready: () => ({ ready: true }),
  version: 'bench',
  limits: {
    streamsPerAddress: 10_000,
    // The clients answer no pings.
    pingMs: 3_600_000,
    connections: 10_000,
    // All of them are on this machine.
    connectionsPerAddress: 10_000,
    requestsPerMinute: 1e9,
  },
})
await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as AddressInfo
const publisher = await TapPublisher.open({
  bus,
  flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
})
const source = traffic({ series: 1000, seed: 7, startMs: Date.now() })
const events = Array.from({ length: 20_000 }, () => source.next().value)
let next = 0

/** As they come from a log: batches of a few milliseconds, at a rate. */
async function stream(durationMs: number, perSecond = EVENTS_A_SECOND): Promise<void> {
  const columns = new EventColumns(new Dictionary())
  const startMs = performance.now()
  let observed = 0
  for (;;) {
    const passedMs = performance.now() - startMs
    if (passedMs >= durationMs) return
    columns.clear()
    for (; observed < (passedMs * perSecond) / 1000; observed++) {
      const event: RequestEvent = { ...events[next++ % events.length]!, timeMs: Date.now() }
      addEvent(columns, event)
    }
    publisher.observe(columns)
    await sleep(STEP_MS)
  }
}

/** Without what only waits to be collected. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let i = 0; i < 3; i++) {
    await sleep(50)
    globalThis.gc?.()
  }
  return process.memoryUsage()
}

async function fanOut(count: number, perSecond: number): Promise<void> {
  const before = await settledMemory()
  const dropped = taps.stats.droppedEvents
  const clients = new StreamClients(port, 'count', Array<string>(count).fill('/api/v1/tap?max_rps=10000'))
  try {
    await clients.opened(count)
    const idle = await settledMemory()
    await stream(WARM_MS, perSecond)
    const [startMs, cpu, sent] = [performance.now(), process.cpuUsage(), (await clients.got()).sent]
    await stream(STREAM_MS, perSecond)
    const got = await clients.got()
    const { user, system } = process.cpuUsage(cpu)
    const delivered = got.sent - sent
    const name = `fan-out: one stream of ${perSecond} events/s to ${count} clients`
    report({
      figure: `${name}: delivered`,
      value: (delivered / (performance.now() - startMs)) * 1000,
      unit: 'events/s',
    })
    report({
      figure: `${name}: delivered a second of the gateway's processor time`,
      value: (delivered / (user + system)) * 1e6,
      unit: 'events/s',
      ...(count === 100 ? { bar: '>= 2000000' } : {}),
    })
    report({
      figure: `${name}: dropped for slow clients`,
      value: taps.stats.droppedEvents - dropped,
      unit: 'events',
    })
    // Of fewer it drowns in what else comes and goes.
    if (count >= 100) {
      const used = idle.heapUsed + idle.external - before.heapUsed - before.external
      report({ figure: `${name}: memory of an idle client`, value: used / count, unit: 'bytes' })
      report({
        figure: `${name}: memory of a client, resident`,
        value: (process.memoryUsage().rss - before.rss) / count,
        unit: 'bytes',
      })
    }
  } finally {
    await clients.end()
    while (taps.stats.sessions > 0) await sleep(20)
  }
}

async function delays(name: string, paths: readonly string[]): Promise<void> {
  const clients = new StreamClients(port, 'time', paths)
  try {
    await clients.opened(paths.length)
    await stream(WARM_MS)
    await clients.got()
    const cpu = process.cpuUsage()
    await stream(STREAM_MS)
    const { user, system } = process.cpuUsage(cpu)
    const { delaysMs } = await clients.got()
    const figure = `taps: ${EVENTS_A_SECOND} events/s, 100 taps, ${name}`
    report({ figure: `${figure}: event to client, p50`, value: quantile(delaysMs, 0.5), unit: 'ms' })
    report({
      figure: `${figure}: event to client, p99`,
      value: quantile(delaysMs, 0.99),
      unit: 'ms',
      bar: '<= 100',
    })
    report({
      figure: `${figure}: processor time of worker and gateway`,
      value: (user + system) / 1000 / STREAM_MS,
      unit: 'cores',
    })
  } finally {
    await clients.end()
    while (taps.stats.sessions > 0) await sleep(20)
  }
}

const ofWorkload = (maxRps: number) => (i: number) =>
  `/api/v1/tap?resource=deploy/service-${i}&namespace=team-${i % 20}&max_rps=${maxRps}`
const hundred = (path: (i: number) => string) => Array.from({ length: 100 }, (_, i) => path(i))

try {
  await delays('each of 100 events/s, max_rps 150', hundred(ofWorkload(150)))
  await delays('each of 100 events/s, max_rps 100', hundred(ofWorkload(100)))
  await delays(
    'each of all events, max_rps 100',
    hundred((i) => `/api/v1/tap?max_rps=100&min_latency=${i}us`),
  )
  await fanOut(1, 10_000)
  await fanOut(100, 10_000)
  // No more than clients on the same machine can take.
  await fanOut(1000, 1000)
  await fanOut(5000, 200)
} finally {
  await publisher.close()
  await app.close()
  await taps.close()
}
