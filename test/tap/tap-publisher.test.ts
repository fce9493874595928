import t, { type Test } from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { RouteTemplates } from '../../src/rollup/route.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { type TapBus, TapBusError, type TapFrame } from '../../src/tap/tap-bus.ts'
import { TapPublisher } from '../../src/tap/tap-publisher.ts'
import { random } from '../random.ts'
import { FakeTimers, settled } from './fake-timers.ts'
import { columnsOf, request } from './tap-traffic.ts'

const TTL_MS = 3_600_000

async function setUp(t: Test, { bus: wrap = (bus: TapBus): TapBus => bus, maxHeld = 1000 } = {}) {
  const timers = new FakeTimers()
  const { now, every, after } = timers
  const local = new LocalTapBus({ now, after })
  const publisher = await TapPublisher.open({
    bus: wrap(local),
    flows: { routes: new RouteTemplates(), defaultCluster: 'east' },
    maxHeld,
    now,
    every,
    after,
    random: random(1),
  })
  t.teardown(async () => {
    await publisher.close()
    await local.close()
  })
  const listen = async (id: string, params: Readonly<Record<string, string>>): Promise<TapFrame[]> => {
    const frames: TapFrame[] = []
    await local.subscribe(id, (frame) => frames.push(frame))
    await local.register({ id, query: parseTapQuery(params) }, TTL_MS)
    return frames
  }
  return { timers, bus: local, publisher, listen }
}

const eventsOf = (frames: readonly TapFrame[]): RequestEvent[] =>
  frames.flatMap(({ candidates }) => candidates.map(({ event }) => event))

const total = (frames: readonly TapFrame[], what: 'seen' | 'matched') =>
  frames.reduce((sum, frame) => sum + frame[what], 0)

t.test('what a tap matches is published with the slice, whole and redacted', async (t) => {
  const { timers, publisher, listen } = await setUp(t)
  const frames = await listen('a', { resource: 'deploy/web', status: 'failure' })
  const failed = request({
    status: 503,
    path: '/vote?x=1',
    requestHeaders: [
      { name: 'authorization', value: 's3cret' },
      { name: 'x-user', value: '7' },
    ],
  })
  const columns = columnsOf([request(), failed, request({ destination: { name: 'other' } })])
  publisher.observe(columns)
  // The batch is used again before the slice ends.
  columns.clear()
  await timers.pass(50)
  t.strictSame(
    frames.map(({ candidates, ...numbers }) => ({ ...numbers, candidates: candidates.length })),
    [{ seen: 3, matched: 1, candidates: 1 }],
  )
  t.strictSame(eventsOf(frames), [
    {
      ...failed,
      path: '/vote?[redacted]',
      requestHeaders: [
        { name: 'authorization', value: '[redacted]' },
        { name: 'x-user', value: '7' },
      ],
    },
  ])
})

t.test('what was folded before a tap, or after it, is not its own', async (t) => {
  const { timers, bus, publisher, listen } = await setUp(t)
  publisher.observe(columnsOf([request(), request()]))
  const frames = await listen('a', {})
  publisher.observe(columnsOf([request()]))
  await timers.pass(50)
  await bus.unregister('a')
  publisher.observe(columnsOf([request()]))
  await timers.pass(2000)
  t.same([total(frames, 'seen'), total(frames, 'matched'), eventsOf(frames).length], [1, 1, 1])
})

t.test('a tap that matches nothing says each second how much was seen', async (t) => {
  const { timers, publisher, listen } = await setUp(t)
  const frames = await listen('a', { resource: 'deploy/none' })
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 20; i++) {
      publisher.observe(columnsOf([request(), request()]))
      await timers.pass(50)
    }
  }
  t.same(
    frames.map(({ seen }) => seen),
    [40, 40, 40],
  )
  await timers.pass(3000)
  t.equal(frames.length, 3, 'nothing new, no frame')
})

t.test('each frame has at least as much seen as matched, and matched as published', async (t) => {
  const { timers, publisher, listen } = await setUp(t)
  const frames = await listen('a', { max_rps: '100' })
  const events = Array.from({ length: 997 }, (_, i) => request({ latencyMicros: i }))
  for (let i = 0; i < 30; i++) {
    publisher.observe(columnsOf(events))
    await timers.pass(17)
  }
  await timers.pass(2000)
  for (const { seen, matched, candidates } of frames) {
    t.ok(seen >= matched && matched >= candidates.length, `${seen} ${matched} ${candidates.length}`)
  }
  t.same([total(frames, 'seen'), total(frames, 'matched')], [30 * 997, 30 * 997])
  const published = eventsOf(frames)
  t.ok(published.length < 600, `${published.length} published`)
  t.equal(publisher.stats.held, 0)
})

t.test('several taps that want an event share its object', async (t) => {
  const { timers, publisher, listen } = await setUp(t)
  const all = await listen('a', {})
  const some = await listen('b', { path: '/api' })
  publisher.observe(columnsOf([request(), request({ path: '/' })]))
  await timers.pass(50)
  t.equal(eventsOf(all).length, 2)
  t.equal(eventsOf(some).length, 1)
  t.ok(eventsOf(all).includes(eventsOf(some)[0]!))
})

t.test('taps that come and go leave the others as they are', async (t) => {
  const { timers, bus, publisher, listen } = await setUp(t)
  const first = await listen('a', { resource: 'deploy/none' })
  publisher.observe(columnsOf([request()]))
  await timers.pass(500)
  await listen('b', {})
  await bus.unregister('b')
  await timers.pass(500)
  t.same(
    first.map(({ seen }) => seen),
    [1],
  )
  t.equal(publisher.stats.taps, 1)
})

t.test('without taps there is no timer', async (t) => {
  const { timers, bus, listen } = await setUp(t)
  t.equal(timers.running, 0)
  await listen('a', {})
  t.equal(timers.running, 2, "the publisher's, and the bus's for the registration")
  await bus.unregister('a')
  t.equal(timers.running, 0)
})

t.test('a bus that fails is counted, and nothing stops', async (t) => {
  let isDown = true
  const down = () => new TapBusError('TAP_BUS_UNAVAILABLE', 'the bus is down')
  const { timers, publisher, listen } = await setUp(t, {
    bus: (bus) => ({
      register: (tap, ttlMs) => bus.register(tap, ttlMs),
      unregister: (id) => bus.unregister(id),
      subscribe: (id, listener) => bus.subscribe(id, listener),
      close: () => bus.close(),
      watch: async (listener) => {
        if (isDown) throw down()
        return bus.watch(listener)
      },
      publish: async (id, frame) => {
        if (isDown) throw down()
        return bus.publish(id, frame)
      },
    }),
  })
  const frames = await listen('a', {})
  publisher.observe(columnsOf([request()]))
  await timers.pass(2500)
  t.match(publisher.stats, { watchErrors: 3, taps: 0 })
  isDown = false
  await timers.pass(1000)
  t.match(publisher.stats, { watchErrors: 3, taps: 1 })
  isDown = true
  publisher.observe(columnsOf([request()]))
  await timers.pass(50)
  isDown = false
  publisher.observe(columnsOf([request()]))
  await timers.pass(50)
  t.match(publisher.stats, { publishErrors: 1, frames: 1, events: 1 })
  t.equal(frames.length, 1)
})

t.test('while the bus takes no frames, the sample goes on and nothing piles up', async (t) => {
  const taken: (() => void)[] = []
  const published: TapFrame[] = []
  const { timers, publisher, listen } = await setUp(t, {
    bus: (bus) => ({
      register: (tap, ttlMs) => bus.register(tap, ttlMs),
      unregister: (id) => bus.unregister(id),
      subscribe: (id, listener) => bus.subscribe(id, listener),
      close: () => bus.close(),
      watch: (listener) => bus.watch(listener),
      publish: (_id, frame) => {
        published.push(frame)
        return new Promise((resolve) => taken.push(resolve))
      },
    }),
  })
  await listen('a', { max_rps: '20' })
  const events = Array.from({ length: 50 }, () => request())
  for (let i = 0; i < 100; i++) {
    publisher.observe(columnsOf(events))
    await timers.pass(50)
  }
  t.equal(published.length, 4)
  t.ok(publisher.stats.held <= 24, `${publisher.stats.held} held`)
  for (const take of taken.splice(0)) take()
  await settled()
  await timers.pass(50)
  t.equal(total(published, 'matched'), 5000)
})

t.test('what is held for all taps together is bounded', async (t) => {
  const { publisher, listen } = await setUp(t, { maxHeld: 500 })
  for (let i = 0; i < 5; i++) await listen(`tap-${i}`, { max_rps: String(1000 + i) })
  publisher.observe(columnsOf(Array.from({ length: 5000 }, () => request())))
  t.equal(publisher.stats.held, 500)
})

t.test('a publisher that is closed publishes and watches no more', async (t) => {
  const { timers, publisher, listen } = await setUp(t)
  const frames = await listen('a', {})
  publisher.observe(columnsOf([request()]))
  await publisher.close()
  await publisher.close()
  await timers.pass(2000)
  await listen('b', {})
  publisher.observe(columnsOf([request()]))
  t.equal(frames.length, 0)
  t.equal(publisher.stats.taps, 0)
})

t.test(
  'events that name no cluster are of the one that their batch comes from, and then name it',
  async (t) => {
    const { timers, publisher, listen } = await setUp(t)
    const west = await listen('w', { resource: 'deploy/web', cluster: 'west' })
    const east = await listen('e', { resource: 'deploy/web', cluster: 'east' })
    const source = { namespace: 'emojivoto', name: 'bot' }
    const web = { namespace: 'emojivoto', name: 'web' }
    const unnamed = request({ source, destination: web })
    const named = request({ source, destination: { cluster: 'east', ...web } })
    publisher.observe(columnsOf([unnamed, named]), 'west')
    publisher.observe(columnsOf([unnamed]), 'east')
    publisher.observe(columnsOf([unnamed]))
    await timers.pass(50)
    const clusters = (frames: readonly TapFrame[]) =>
      eventsOf(frames)
        .map(({ source, destination }) => `${source?.cluster} to ${destination.cluster}`)
        .toSorted()
    t.strictSame(clusters(west), ['west to west'])
    t.strictSame(clusters(east), ['undefined to undefined', 'undefined to undefined', 'west to east'])
  },
)
