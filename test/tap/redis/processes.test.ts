import t from 'tap'
import { TapHub } from '../../../src/gateway/tap-hub.ts'
import { RouteTemplates } from '../../../src/rollup/route.ts'
import { parseTapQuery } from '../../../src/tap/parse-tap-query.ts'
import { TapPublisher } from '../../../src/tap/tap-publisher.ts'
import { Reader } from '../../gateway/tap-hub-rig.ts'
import { random } from '../../random.ts'
import { redisForTest } from '../../services.ts'
import { wants } from '../oracle.ts'
import { columnsOf, request } from '../tap-traffic.ts'
import { openBus, until } from './contract.ts'

const { url } = await redisForTest(t)
const flows = { routes: new RouteTemplates(), defaultCluster: 'east' }

t.test('two workers and a gateway, each on a bus of its own: every match is sent or counted', async (t) => {
  const next = random(5)
  const buses = [await openBus(t, url), await openBus(t, url)]
  const workers = await Promise.all(buses.map((bus) => TapPublisher.open({ bus, flows, random: next })))
  const hub = new TapHub({ bus: await openBus(t, url), random: next })
  t.teardown(async () => {
    await hub.close()
    for (const worker of workers) await worker.close()
  })
  const query = parseTapQuery({ resource: 'deploy/web', status: '5xx', max_rps: '100' })
  const failures = new Reader(await hub.open(query))
  const same = new Reader(await hub.open(query))
  await until('both workers know the tap', () => workers.every(({ stats }) => stats.taps === 1))

  let [seen, matched] = [0, 0]
  const startMs = Date.now()
  const endMs = startMs + 2000
  while (Date.now() < endMs) {
    for (const [worker, publisher] of workers.entries()) {
      // One worker sees three times as much as the other.
      const events = Array.from({ length: worker === 0 ? 30 : 10 }, () =>
        request({ timeMs: Date.now(), proxy: `w-${worker}`, status: next() < 0.5 ? 503 : 200 }),
      )
      seen += events.length
      matched += events.filter((event) => wants(query, event)).length
      publisher.observe(columnsOf(events))
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const tookS = (Date.now() - startMs) / 1000
  await until('all of it is decided', () => failures.frames.at(-1)?.seen === seen)

  const last = failures.frames.at(-1)!
  t.match(last, { seen, matched, dropped: 0 })
  t.equal(last.sent + last.sampledOut, matched)
  t.equal(failures.paths.length, last.sent)
  // What waits for room is sent within another second.
  t.ok(last.sent >= 50 && last.sent <= 100 * (tookS + 1.2), `${last.sent} sent in ${tookS} s at 100 a second`)
  t.strictSame(same.frames.at(-1)?.matched, matched, 'the same query sees the same')
  t.equal(hub.stats.taps, 1)
  const fromFirst = failures.frames.flatMap(({ events }) =>
    events.filter(({ proxy }) => proxy === 'w-0'),
  ).length
  const share = fromFirst / last.sent
  const deviation = Math.sqrt((0.75 * 0.25) / last.sent)
  t.ok(Math.abs(share - 0.75) < 5 * deviation, `${share} of them of the worker that saw three quarters`)
})

t.test('a worker that comes later, and one that dies, are not noticed but for what they see', async (t) => {
  const hub = new TapHub({ bus: await openBus(t, url) })
  t.teardown(() => hub.close())
  const reader = new Reader(await hub.open(parseTapQuery({})))
  for (let round = 1; round <= 3; round++) {
    const bus = await openBus(t, url)
    const worker = await TapPublisher.open({ bus, flows })
    await until('the worker knows the tap', () => worker.stats.taps === 1)
    worker.observe(columnsOf([request({ path: `/${round}` })]))
    await until('the event arrives', () => reader.paths.length === round)
    // As if killed: what it has not published yet is gone.
    await bus.close()
    await worker.close()
  }
  t.same(reader.paths, ['/1', '/2', '/3'])
  t.match(reader.frames.at(-1), { seen: 3, matched: 3, sent: 3, dropped: 0 })
})
