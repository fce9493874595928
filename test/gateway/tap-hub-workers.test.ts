import t from 'tap'
import { TapHub } from '../../src/gateway/tap-hub.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { TapPublisher } from '../../src/tap/tap-publisher.ts'
import { random } from '../random.ts'
import { FakeTimers } from '../tap/fake-timers.ts'
import { columnsOf, request } from '../tap/tap-traffic.ts'
import { hubRig, Reader } from './tap-hub-rig.ts'

t.test('several workers, one hub: every matching event is sent or counted as left out', async (t) => {
  const timers = new FakeTimers()
  const { now, every, after } = timers
  const next = random(3)
  const bus = new LocalTapBus({ now, after })
  const flows = { routes: new RouteTemplates(), defaultCluster: 'east' }
  const workers = await Promise.all(
    [1, 2, 3].map(() => TapPublisher.open({ bus, flows, now, every, after, random: next })),
  )
  const hub = new TapHub({ bus, now, every, random: next })
  t.teardown(async () => {
    await hub.close()
    for (const worker of workers) await worker.close()
    await bus.close()
  })
  const failures = new Reader(
    await hub.open(parseTapQuery({ resource: 'deploy/web', status: '5xx', max_rps: '50' })),
  )
  const others = new Reader(await hub.open(parseTapQuery({ resource: 'deploy/none' })))
  let [seen, matched] = [0, 0]
  for (let ms = 0; ms < 4000; ms += 10) {
    for (const [worker, publisher] of workers.entries()) {
      // 3,000 events a second of which a tenth matches, and half a second in which all do.
      const isBurst = ms >= 2000 && ms < 2500
      const events = Array.from({ length: 10 }, (_, i) =>
        request({ timeMs: now(), proxy: `w-${worker}`, status: isBurst || i === 0 ? 503 : 200 }),
      )
      seen += events.length
      matched += isBurst ? 10 : 1
      publisher.observe(columnsOf(events))
    }
    await timers.pass(10)
  }
  await timers.pass(3000)
  const last = failures.frames.at(-1)!
  t.equal(last.seen, seen)
  t.equal(last.matched, matched)
  t.equal(last.sent + last.sampledOut + last.dropped, matched)
  t.equal(last.dropped, 0)
  t.equal(failures.paths.length, last.sent)
  t.ok(last.sent >= 190 && last.sent <= 225, `${last.sent} sent in 4 s at 50 a second`)
  const byWorker = new Map<unknown, number>()
  for (const { events } of failures.frames) {
    for (const { proxy } of events) byWorker.set(proxy, (byWorker.get(proxy) ?? 0) + 1)
  }
  for (const worker of ['w-0', 'w-1', 'w-2']) {
    const sent = byWorker.get(worker) ?? 0
    t.ok(sent > 40 && sent < 95, `${worker}: ${sent}`)
  }
  t.match(others.frames.at(-1), { seen, matched: 0, sent: 0 })
})

t.test('what the bus lost is dropped, not left out of the sample', async (t) => {
  const { timers, bus, hub } = await hubRig(t)
  const reader = new Reader(await hub.open(parseTapQuery({ max_rps: '100' })))
  const candidates = [{ priority: 0.5, event: request() }]
  await bus.publish('tap-1', { seen: 10, matched: 7, candidates, lost: 4 })
  await timers.pass(1000)
  t.match(reader.frames.at(-1), { seen: 10, matched: 7, sent: 1, dropped: 4, sampledOut: 2 })
  t.equal(hub.stats.droppedEvents, 4)
})
