/** Live stat and top: what a gateway spends on 100 clients of one question, and of 100 questions, which are answered each second, over a store in which nothing changes. */
import type { AddressInfo } from 'node:net'
import { createGateway } from '../src/gateway/gateway.ts'
import { TapHub } from '../src/gateway/tap-hub.ts'
import { LocalTapBus } from '../src/tap/local/local-tap-bus.ts'
import { NOW, engineOn } from '../test/query/world.ts'
import { StreamClients } from './stream-clients.ts'
import { report } from './figure.ts'
import { traffic } from './traffic.ts'

const CLIENTS = 100
const WARM_MS = 2000
const MEASURED_MS = 5000
/** Of 100 workloads in 20 namespaces. */
const EVENTS = 20_000

const source = traffic({ series: 1000, seed: 7, startMs: NOW - 5000 })
const taps = new TapHub({ bus: new LocalTapBus() })
const app = await createGateway({
  engine: await engineOn(Array.from({ length: EVENTS }, () => source.next().value)),
  taps,
  ready: () => ({ ready: true }),
  version: 'bench',
  limits: { pingMs: 3_600_000, streamsPerAddress: 10_000 },
})
await app.listen({ port: 0, host: '127.0.0.1' })
const { port } = app.server.address() as AddressInfo

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function measure(name: string, path: (i: number) => string): Promise<void> {
  const clients = new StreamClients(
    port,
    'count',
    Array.from({ length: CLIENTS }, (_, i) => path(i)),
  )
  try {
    await clients.opened(CLIENTS)
    await sleep(WARM_MS)
    const [startMs, cpu, before] = [performance.now(), process.cpuUsage(), app.live.stats]
    await sleep(MEASURED_MS)
    const { user, system } = process.cpuUsage(cpu)
    const seconds = (performance.now() - startMs) / 1000
    const figure = `live: ${CLIENTS} clients of ${name}`
    report({ figure: `${figure}: processor time`, value: (user + system) / 1000 / seconds, unit: 'ms/s' })
    report({
      figure: `${figure}: questions answered`,
      value: (app.live.stats.answers - before.answers) / seconds,
      unit: '1/s',
    })
  } finally {
    await clients.end()
    while (app.live.stats.clients > 0) await sleep(20)
  }
}

try {
  await measure('one stat of 100 workloads', () => '/api/v1/stat?resource=deploy')
  await measure('100 stats of a workload', (i) => `/api/v1/stat?resource=deploy/service-${i}`)
  await measure('one top of 100 paths', () => '/api/v1/top?resource=deploy')
  await measure('100 tops of a workload', (i) => `/api/v1/top?resource=deploy/service-${i}`)
} finally {
  await app.close()
  await taps.close()
}
