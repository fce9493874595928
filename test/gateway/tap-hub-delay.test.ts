import t from 'tap'
import { TapHub } from '../../src/gateway/tap-hub.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { TapPublisher } from '../../src/tap/tap-publisher.ts'
import { random } from '../random.ts'
import { FakeTimers } from '../tap/fake-timers.ts'
import { poisson } from '../tap/sampling-run.ts'
import { columnsOf, request } from '../tap/tap-traffic.ts'

/** How often a worker has something new from its log. */
const STEP_MS = 10

/** How late each event of a stream from two workers is with a client, milliseconds, and how many the stream had. */
async function delays(perSecond: number, maxRps: number, seconds: number) {
  const timers = new FakeTimers()
  const { now, every, after } = timers
  const next = random(8)
  const bus = new LocalTapBus({ now, after })
  const flows = { routes: new RouteTemplates(), defaultCluster: 'east' }
  const workers = [
    await TapPublisher.open({ bus, flows, now, every, after, random: next }),
    await TapPublisher.open({ bus, flows, now, every, after, random: next }),
  ]
  const hub = new TapHub({ bus, now, every, random: next })
  const session = await hub.open(parseTapQuery({ max_rps: String(maxRps) }))
  const delaysMs: number[] = []
  const reading = (async () => {
    for await (const frame of session) {
      const { events } = JSON.parse(frame) as { events: readonly { time: string }[] }
      for (const { time } of events) delaysMs.push(now() - Date.parse(time))
    }
  })()
  const stream = poisson(next, perSecond / 1000, 1000 * seconds)
  for (let ms = 0; ms < stream.length; ms += STEP_MS) {
    const startMs = now()
    await timers.pass(STEP_MS)
    for (const [worker, publisher] of workers.entries()) {
      const events = Array.from({ length: STEP_MS }, (_, i) =>
        Array.from({ length: stream[ms + i]! }, () => request({ timeMs: startMs + i })),
      )
      publisher.observe(columnsOf(events.flat().filter((_, i) => i % 2 === worker)))
    }
  }
  await timers.pass(3000)
  const { counts } = session
  await hub.close()
  await reading
  for (const worker of workers) await worker.close()
  await bus.close()
  return { delaysMs: delaysMs.toSorted((a, b) => a - b), counts, events: stream.reduce((a, b) => a + b, 0) }
}

t.test('an event is with the client within 100 ms, wherever the limit is', async (t) => {
  for (const [perSecond, maxRps, seconds] of [
    [20, 100, 20],
    [100, 150, 20],
    [90, 100, 20],
    [100, 100, 60],
    [120, 100, 20],
    [2000, 100, 10],
  ] as const) {
    const { delaysMs, counts, events } = await delays(perSecond, maxRps, seconds)
    const p99 = delaysMs[Math.floor(delaysMs.length * 0.99)]!
    const name = `${perSecond} events/s, max_rps ${maxRps}`
    t.ok(p99 <= 100, `${name}: ${p99} ms`)
    t.match(counts, { seen: events, matched: events, sent: delaysMs.length, dropped: 0 }, name)
    t.ok(delaysMs.length > 0.85 * Math.min(events, maxRps * seconds), `${name}: ${delaysMs.length} shown`)
  }
})
