import t from 'tap'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { request } from '../tap/tap-traffic.ts'
import { recordOf, ReplayWorld, Seen, TOPIC } from './replay-world.ts'

const ALL = parseTapQuery({ max_rps: '10000' })
const HOUR_MS = 3_600_000

t.test(
  'what is pushed before, while and after a tap begins is shown once, in order within a proxy',
  async (t) => {
    const world = await ReplayWorld.embedded(t)
    await world.work()
    await world.push(200)
    const pushing = world.push(600)
    const taps: Seen[] = []
    for (let i = 0; i < 2; i++) {
      taps.push(new Seen(await world.hub.open(ALL, { replay: { sinceMs: Date.now() - HOUR_MS } })))
    }
    await pushing
    await Promise.all(taps.map((seen) => seen.until(() => seen.end !== undefined, 'the replay ends')))
    await world.push(100)
    for (const seen of taps) {
      await seen.until(() => seen.numbers.length >= world.pushed, 'all are shown')
      t.strictSame(seen.end, { state: 'done' })
      seen.check(0, world.pushed)
      t.equal(seen.frames.at(-1)!.sent, world.pushed)
    }
  },
)

t.test('a worker that is far behind shows nothing of what was replayed', async (t) => {
  const world = await ReplayWorld.embedded(t)
  await world.push(150)
  const seen = new Seen(await world.hub.open(ALL, { replay: { sinceMs: Date.now() - HOUR_MS } }))
  await seen.until(() => seen.end !== undefined, 'the replay ends')
  await world.push(50)
  await world.work()
  await seen.until(() => seen.numbers.length >= world.pushed, 'all are shown')
  await world.push(10)
  await seen.until(() => seen.numbers.length >= world.pushed, 'all are shown')
  seen.check(0, world.pushed)
})

t.test('the log is read until all workers are sure to evaluate the tap', async (t) => {
  const world = await ReplayWorld.embedded(t, { hub: { settleMs: 300 } })
  // Nobody works yet: what comes while the tap settles is found in the log.
  const seen = new Seen(await world.hub.open(ALL, { replay: { sinceMs: Date.now() - HOUR_MS } }))
  await world.push(30)
  await seen.until(() => seen.end !== undefined, 'the replay ends')
  t.equal(seen.numbers.length, 60)
  await world.work()
  await world.push(30)
  await seen.until(() => seen.numbers.length >= world.pushed, 'all are shown')
  seen.check(0, world.pushed)
})

t.test('the last events are those, and live ones follow', async (t) => {
  const world = await ReplayWorld.embedded(t)
  await world.work()
  await world.push(300, 1)
  const seen = new Seen(await world.hub.open(ALL, { replay: { last: 50 } }))
  await seen.until(() => seen.end !== undefined, 'the replay ends')
  t.equal(seen.numbers.length, 50)
  t.ok(
    seen.numbers.every((number) => number >= 200),
    'of the last, as far as the log keeps an order',
  )
  await world.push(20, 1)
  await seen.until(() => seen.numbers.length >= 70, 'live ones follow')
  t.equal(new Set(seen.numbers).size, 70)
})

t.test('where there are fewer than were asked for, all are shown', async (t) => {
  const world = await ReplayWorld.embedded(t)
  await world.push(5, 1)
  const seen = new Seen(await world.hub.open(ALL, { replay: { last: 50 } }))
  await seen.until(() => seen.end !== undefined, 'the replay ends')
  seen.check(0, 5)
})

t.test('only matches are shown, redacted, of a record that is in the log twice once', async (t) => {
  const world = await ReplayWorld.embedded(t)
  const wanted = request({ path: '/1', status: 503, requestHeaders: [{ name: 'cookie', value: 's3cret' }] })
  const record = recordOf('a', [wanted, request({ path: '/2', status: 200 })], { producer: 'p', sequence: 7 })
  await world.log.append(TOPIC, [record, record])
  await world.log.append(TOPIC, [{ key: 'a', value: new Uint8Array([1, 2, 3]), headers: {} }])
  const query = parseTapQuery({ status: '5xx' })
  const seen = new Seen(await world.hub.open(query, { replay: { sinceMs: Date.now() - HOUR_MS } }))
  await seen.until(() => seen.end !== undefined, 'the replay ends')
  seen.check(1, 2)
  t.match(seen.frames.at(-1), { seen: 2, matched: 1, sent: 1 })
  t.notOk(JSON.stringify(seen.frames).includes('s3cret'))
})

t.test('a tap that may not show all is not told how much there is besides', async (t) => {
  const world = await ReplayWorld.embedded(t)
  const others = Array.from({ length: 7 }, () =>
    request({ path: '/0', source: { namespace: 'secret' }, destination: { namespace: 'secret' } }),
  )
  const own = request({ path: '/1', source: { namespace: 'shop' }, destination: { namespace: 'shop' } })
  await world.log.append(TOPIC, [recordOf('a', [...others, own])])
  const scopes = [{ cluster: '*', namespace: 'shop', paths: true, headers: false }]
  for (const replay of [{ last: 5 }, { sinceMs: Date.now() - HOUR_MS }]) {
    const seen = new Seen(await world.hub.open({ ...ALL, scopes }, { replay }))
    await seen.until(() => seen.end !== undefined, 'the replay ends')
    t.match(seen.frames.at(-1), { seen: 1, matched: 1, sent: 1 })
  }
})

t.test('a replay ends at its limit, and says what is missing', async (t) => {
  const world = await ReplayWorld.embedded(t, { limits: { events: 10 } })
  await world.work()
  await world.push(30)
  const seen = new Seen(await world.hub.open(ALL, { replay: { sinceMs: Date.now() - HOUR_MS } }))
  await seen.until(() => seen.end !== undefined, 'the replay ends')
  t.match(seen.end, { state: 'cut', reason: /10 events/ })
  t.equal(seen.numbers.length, 10)
})

t.test('no more replays than are allowed are under way, and one that is left makes room', async (t) => {
  const world = await ReplayWorld.embedded(t, { hub: { limits: { replays: 1 } } })
  await world.push(5)
  const first = await world.hub.open(ALL, { replay: { last: 5 } })
  await t.rejects(world.hub.open(ALL, { replay: { last: 5 } }), { code: 'TAP_LIMIT' })
  t.equal(world.hub.stats.replays, 1)
  await first.close()
  t.equal(world.hub.stats.replays, 0)
  const second = await world.hub.open(ALL, { replay: { last: 5 } })
  await second.close()
  t.match(world.hub.stats, { replays: 0, sessions: 0, taps: 0 })
})
