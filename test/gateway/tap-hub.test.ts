import t from 'tap'
import { SharedTap } from '../../src/gateway/shared-tap.ts'
import { HeldBudget } from '../../src/tap/lowest.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { TapBusError } from '../../src/tap/tap-bus.ts'
import { random } from '../random.ts'
import { settled } from '../tap/fake-timers.ts'
import { request } from '../tap/tap-traffic.ts'
import { hubRig, Reader } from './tap-hub-rig.ts'

const web = parseTapQuery({ resource: 'deploy/web' })

t.test('a session is sent what workers publish, as JSON', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const reader = new Reader(await hub.open(web))
  await publish([
    { path: '/b', timeMs: 1_763_978_400_002 },
    { path: '/a', timeMs: 1_763_978_400_001 },
  ])
  await timers.pass(50)
  t.match(reader.frames, [
    {
      events: [
        {
          time: '2025-11-24T10:00:00.001Z',
          direction: 'inbound',
          path: '/a',
          status: 200,
          latencyMicros: 1000,
        },
        { path: '/b', destination: { namespace: 'emojivoto', name: 'web' } },
      ],
      seen: 2,
      matched: 2,
      sent: 2,
      dropped: 0,
      sampledOut: 0,
    },
  ])
})

t.test('equal queries share one registration, which goes with the last session', async (t) => {
  const { timers, hub, publish, taps } = await hubRig(t)
  const first = await hub.open(web)
  const second = await hub.open(parseTapQuery({ resource: 'Deployments/web', max_rps: '100.0' }))
  const other = await hub.open(parseTapQuery({ resource: 'deploy/web', status: '5xx' }))
  t.same(
    taps().map(({ id, query }) => [id, query.status?.kind]),
    [
      ['tap-1', undefined],
      ['tap-2', 'class'],
    ],
  )
  t.match(hub.stats, { sessions: 3, taps: 2 })
  const readers = [first, second, other].map((session) => new Reader(session))
  await publish([{}, {}])
  await timers.pass(50)
  t.same(
    readers.map(({ frames }) => frames.map(({ sent }) => sent)),
    [[2], [2], [2]],
  )
  await first.close()
  await first.close()
  t.equal(taps().length, 2)
  await second.close()
  t.same(
    taps().map(({ id }) => id),
    ['tap-2'],
  )
  await other.close()
  t.equal(taps().length, 0)
  t.match(hub.stats, { sessions: 0, taps: 0, queuedBytes: 0, busErrors: 0 })
  t.ok(readers.every(({ isDone }) => isDone))
  t.equal(timers.running, 0)
})

t.test('sessions that open and close at the same time end up with one registration or none', async (t) => {
  const { hub, taps } = await hubRig(t)
  const sessions = await Promise.all([hub.open(web), hub.open(web), hub.open(web)])
  t.same(taps().length, 1)
  const [closing, opening] = [Promise.all(sessions.map((session) => session.close())), hub.open(web)]
  await closing
  await opening
  t.same(taps().length, 1)
  await (await opening).close()
  t.same(taps().length, 0)
})

t.test('a registration is kept up for as long as a session is open', async (t) => {
  const { timers, hub, taps } = await hubRig(t)
  const session = await hub.open(web)
  await timers.pass(300_000)
  t.equal(taps().length, 1)
  await session.close()
})

t.test('an idle tap sends a frame without events each second, and the numbers go on', async (t) => {
  const { timers, bus, hub } = await hubRig(t)
  const reader = new Reader(await hub.open(web))
  for (let i = 0; i < 3; i++) {
    await bus.publish('tap-1', { seen: 10, matched: 0, candidates: [] })
    await timers.pass(1000)
  }
  t.same(
    reader.frames.map(({ events, seen, matched }) => [events.length, seen, matched]),
    [
      [0, 10, 0],
      [0, 20, 0],
      [0, 30, 0],
    ],
  )
})

t.test("a session's numbers begin when it does", async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const early = new Reader(await hub.open(web))
  await publish([{}, {}, {}])
  await timers.pass(3000)
  const late = new Reader(await hub.open(web))
  await publish([{}])
  await timers.pass(50)
  t.match(early.frames.at(-1), { seen: 4, matched: 4, sent: 4 })
  t.match(late.frames, [{ seen: 1, matched: 1, sent: 1 }])
})

t.test('a session that joins while a burst waits never has more matched than seen', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const early = new Reader(await hub.open(web))
  await timers.pass(500)
  await publish(Array.from({ length: 100 }, () => ({})))
  await timers.pass(100)
  const late = new Reader(await hub.open(web))
  await publish([{}])
  await timers.pass(3000)
  for (const { seen, matched } of late.frames) t.ok(seen >= matched, `${seen} ${matched}`)
  // A slice's share went on before, then what was spare with the next slice's.
  const left = 100 - 5 - 17
  t.match(late.frames.at(-1), { seen: left + 1, matched: left + 1 })
  t.match(early.frames.at(-1), { seen: 101, matched: 101 })
})

t.test('what is too much is sampled, and said', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const reader = new Reader(await hub.open(parseTapQuery({ max_rps: '20' })))
  for (let i = 0; i < 60; i++) {
    await publish(Array.from({ length: 10 }, () => ({})))
    await timers.pass(50)
  }
  await timers.pass(3000)
  const { seen, matched, sent, dropped, sampledOut } = reader.frames.at(-1)!
  t.same([seen, matched, dropped], [600, 600, 0])
  t.ok(sent >= 55 && sent <= 65, `${sent} sent`)
  t.equal(sent + sampledOut, 600)
  t.equal(reader.paths.length, sent)
})

t.test('many events come in frames of a bounded size', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const reader = new Reader(await hub.open(parseTapQuery({ max_rps: '10000' })))
  await publish(Array.from({ length: 400 }, (_, i) => ({ path: `/${i}/${'x'.repeat(1000)}` })))
  await timers.pass(50)
  t.equal(reader.paths.length, 400)
  t.ok(reader.frames.length >= 6, `${reader.frames.length} frames`)
  for (const frame of reader.frames) t.ok(JSON.stringify(frame).length < 70_000)
  for (const { seen, matched } of reader.frames) t.ok(seen >= matched)
})

t.test('there is a limit to sessions and one to different queries', async (t) => {
  const { hub } = await hubRig(t, { limits: { sessions: 3, taps: 2 } })
  const limit = (message: RegExp) => ({ name: 'TapBusError', code: 'TAP_LIMIT', message })
  const first = await hub.open(web)
  await hub.open(parseTapQuery({ method: 'GET' }))
  await t.rejects(
    hub.open(parseTapQuery({ method: 'PUT' })),
    limit(/^taps with 2 different queries are open here/),
  )
  await hub.open(web)
  await t.rejects(hub.open(web), limit(/^3 taps are open here already/))
  t.match(hub.stats, { sessions: 3, taps: 2 })
  await first.close()
  await hub.open(web)
})

t.test('callers of open that wait count as sessions', async (t) => {
  const { hub } = await hubRig(t, { limits: { sessions: 2 } })
  const opening = [hub.open(web), hub.open(web), hub.open(web)]
  t.same(
    (await Promise.allSettled(opening)).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  )
})

t.test(
  'a bus that does not take the tap is told to who opens it, and the next try is a new one',
  async (t) => {
    let isDown = true
    const { hub, taps } = await hubRig(t, {
      wrap: (bus) => ({
        unregister: (id) => bus.unregister(id),
        watch: (listener) => bus.watch(listener),
        publish: (id, frame) => bus.publish(id, frame),
        subscribe: (id, listener) => bus.subscribe(id, listener),
        close: () => bus.close(),
        register: async (tap, ttlMs) => {
          if (isDown) throw new TapBusError('TAP_BUS_UNAVAILABLE', 'the bus is down')
          return bus.register(tap, ttlMs)
        },
      }),
    })
    const opening = await Promise.allSettled([hub.open(web), hub.open(web)])
    for (const outcome of opening) {
      t.match(outcome, { status: 'rejected', reason: { code: 'TAP_BUS_UNAVAILABLE' } })
    }
    await settled()
    t.match(hub.stats, { sessions: 0, taps: 0 })
    isDown = false
    await hub.open(web)
    t.equal(taps().length, 1)
  },
)

t.test('a bus that fails later is counted, and the session stays', async (t) => {
  let isDown = false
  const troubles: unknown[] = []
  const { timers, hub, publish } = await hubRig(t, {
    onTrouble: (error) => troubles.push(error),
    wrap: (bus) => ({
      unregister: (id) => bus.unregister(id),
      watch: (listener) => bus.watch(listener),
      publish: (id, frame) => bus.publish(id, frame),
      subscribe: (id, listener) => bus.subscribe(id, listener),
      close: () => bus.close(),
      register: async (tap, ttlMs) => {
        if (isDown) throw new TapBusError('TAP_BUS_UNAVAILABLE', 'the bus is down')
        return bus.register(tap, ttlMs)
      },
    }),
  })
  const reader = new Reader(await hub.open(web))
  isDown = true
  await timers.pass(20_500)
  t.equal(hub.stats.busErrors, 2)
  t.match(troubles, [{ code: 'TAP_BUS_UNAVAILABLE' }, { code: 'TAP_BUS_UNAVAILABLE' }])
  await publish([{}])
  await timers.pass(50)
  t.match(reader.frames.at(-1), { sent: 1 })
})

t.test('a hub that closes lets sessions read what is queued, then ends them', async (t) => {
  const { timers, hub, publish, taps } = await hubRig(t)
  const session = await hub.open(web)
  const reader = new Reader(await hub.open(web))
  await publish([{}])
  await timers.pass(50)
  await hub.close()
  await hub.close()
  await settled()
  t.equal(taps().length, 0)
  t.ok(reader.isDone)
  t.match(JSON.parse((await session.next())!), { sent: 1 })
  t.equal(await session.next(), undefined)
  await session.close()
  await t.rejects(hub.open(web), { code: 'TAP_BUS_CLOSED' })
  t.match(hub.stats, { sessions: 0, taps: 0 })
  t.equal(timers.running, 0)
})

t.test('closing waits for the slowest answer of the bus, not for one after the other', async (t) => {
  const left: string[] = []
  let answer = (): void => undefined
  const answered = new Promise<void>((resolve) => (answer = resolve))
  const leaving = async (what: string, leave: () => Promise<void>) => {
    left.push(what)
    await answered
    await leave()
  }
  const { hub } = await hubRig(t, {
    wrap: (bus) => ({
      register: (tap, ttlMs) => bus.register(tap, ttlMs),
      unregister: (id) => leaving('unregister', () => bus.unregister(id)),
      watch: (listener) => bus.watch(listener),
      publish: (id, frame) => bus.publish(id, frame),
      subscribe: async (id, listener) => {
        const unsubscribe = await bus.subscribe(id, listener)
        return () => leaving('unsubscribe', unsubscribe)
      },
      close: () => bus.close(),
    }),
  })
  await hub.open(web)
  const closing = hub.close()
  await settled()
  t.same(left.toSorted(), ['unregister', 'unsubscribe'])
  answer()
  await closing
})

t.test('while little comes it is sent at once, more at the end of a slice', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const query = parseTapQuery({ max_rps: '80' })
  const [reader, same] = [new Reader(await hub.open(query)), new Reader(await hub.open(query))]
  for (let i = 1; i <= 11; i++) {
    await publish([{ path: `/${i}` }])
    await settled()
    t.equal(reader.paths.length, i, 'while something is spare')
  }
  await publish([{ path: '/12' }])
  await settled()
  t.equal(reader.paths.length, 11)
  await timers.pass(50)
  t.equal(reader.paths.length, 12)
  t.same(same.frames, reader.frames)
  await timers.pass(1000)
  await publish(Array.from({ length: 11 }, () => ({})))
  await settled()
  t.equal(reader.paths.length, 12, 'a burst is sampled')
  await timers.pass(2000)
  t.match(reader.frames.at(-1), { seen: 23, matched: 23, sent: 23 })
})

t.test('a frame that comes after the last session has left is not held', async (t) => {
  const budget = new HeldBudget(100)
  const tap = new SharedTap({ id: 'tap', query: web, nowMs: 0, random: random(1), budget })
  const frame = { seen: 1, matched: 1, candidates: [{ priority: 0.5, event: request() }] }
  tap.hear(frame, 0)
  t.equal(budget.held, 1)
  tap.discard()
  tap.hear(frame, 0)
  t.equal(budget.held, 0)
})

t.test('what sessions were sent and lost is counted on when they have gone', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const reading = await hub.open(web)
  const reader = new Reader(reading)
  const lost = await hub.open(web, { maxQueueBytes: 0 })
  await publish([{}, {}])
  await timers.pass(50)
  t.match(hub.stats, { sentEvents: 2, droppedEvents: 2 })
  await lost.close()
  await publish([{}])
  await timers.pass(50)
  await reading.close()
  t.equal(reader.paths.length, 3)
  t.match(hub.stats, { sessions: 0, sentEvents: 3, droppedEvents: 2 })
})
