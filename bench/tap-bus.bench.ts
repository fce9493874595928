/** Taps over Redis: what a registration takes to reach a worker, a frame a gateway, and what frames cost. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRedisUrl } from '../src/redis/redis-url.ts'
import { FrameCodec } from '../src/tap/redis/frame-codec.ts'
import { RedisTapBus } from '../src/tap/redis/redis-tap-bus.ts'
import type { TapCandidate, TapFrame } from '../src/tap/tap-bus.ts'
import { startRedis } from '../stack/redis.ts'
import { bestPerSecond, quantile, report } from './figure.ts'
import { traffic } from './traffic.ts'

const REGISTRATIONS = 300
const FRAMES = 2000

const events = traffic({ series: 1000, seed: 7, startMs: 1_763_978_400_000, traces: true })

function candidates(count: number): TapCandidate[] {
  return Array.from({ length: count }, (_, i) => ({ priority: i / count, event: events.next().value }))
}

for (const count of [5, 100]) {
  const frames = Array.from({ length: 200 }, () => candidates(count))
  const wire = frames.map((candidates) => ({
    source: 'bench',
    before: { seen: 1e6, matched: 1e5, offered: 1e4 },
    counts: { seen: 1000, matched: 500, offered: count },
    candidates,
  }))
  const codec = new FrameCodec()
  let next = 0
  let bytes = 0
  const perSecond = bestPerSecond(() => {
    bytes += codec.encode(wire[next++ % wire.length]!).length
    return 1
  })
  const name = `tap frames of ${count} candidates`
  report({ figure: `${name}: size`, value: bytes / next / count, unit: 'bytes/candidate' })
  report({ figure: `${name}: writing`, value: 1e6 / perSecond / count, unit: 'µs/candidate' })
  const encoded = wire.map((frame) => codec.encode(frame))
  const reads = bestPerSecond(() => {
    codec.decode(encoded[next++ % encoded.length]!)
    return 1
  })
  report({ figure: `${name}: reading`, value: 1e6 / reads / count, unit: 'µs/candidate' })
}

const directory = mkdtempSync(join(tmpdir(), 'meshtap-bench-'))
const server = await startRedis({ directory })
try {
  const redis = parseRedisUrl(server.url)
  const [gateway, worker] = [await RedisTapBus.open({ redis }), await RedisTapBus.open({ redis })]
  let heard = (): void => undefined
  await worker.watch(() => heard())
  const pushedMs: number[] = []
  for (let i = 0; i < REGISTRATIONS; i++) {
    const startMs = performance.now()
    const told = new Promise<void>((resolve) => (heard = resolve))
    await gateway.register({ id: `tap-${i}`, query: { resource: {}, maxRps: 1 } }, 60_000)
    await told
    pushedMs.push(performance.now() - startMs)
  }
  report({ figure: 'tap bus: register to watch, p50', value: quantile(pushedMs, 0.5), unit: 'ms' })
  report({
    figure: 'tap bus: register to watch, p99',
    value: quantile(pushedMs, 0.99),
    unit: 'ms',
    bar: '<= 200',
  })

  let arrived = (): void => undefined
  await gateway.subscribe('tap', () => arrived())
  const frame: TapFrame = { seen: 1000, matched: 500, candidates: candidates(5) }
  const tookMs: number[] = []
  for (let i = 0; i < FRAMES; i++) {
    const startMs = performance.now()
    const there = new Promise<void>((resolve) => (arrived = resolve))
    await worker.publish('tap', frame)
    await there
    tookMs.push(performance.now() - startMs)
  }
  report({
    figure: 'tap bus: publish to subscriber, 5 candidates, p50',
    value: quantile(tookMs, 0.5),
    unit: 'ms',
  })
  report({ figure: 'tap bus: publish to subscriber, p99', value: quantile(tookMs, 0.99), unit: 'ms' })
  await gateway.close()
  await worker.close()
} finally {
  await server.kill()
  rmSync(directory, { recursive: true, force: true })
}
