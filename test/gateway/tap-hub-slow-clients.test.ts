import assert from 'node:assert/strict'
import t from 'tap'
import fc from 'fast-check'
import { chunksOf } from '../../src/gateway/tap-frame.ts'
import { QueuedTapSession } from '../../src/gateway/tap-session.ts'
import type { TapAnswer } from '../../src/query/answer.ts'
import { parseTapQuery } from '../../src/tap/parse-tap-query.ts'
import { hubRig, Reader, readyFrames } from './tap-hub-rig.ts'

const all = parseTapQuery({ max_rps: '1000' })

t.test('a client that does not read loses its own oldest frames, and no one waits for it', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const slow = await hub.open(all, { maxQueueBytes: 10_000 })
  const fast = new Reader(await hub.open(all, { maxQueueBytes: 10_000 }))
  for (let i = 0; i < 200; i++) {
    await publish([{ path: `/${i}` }])
    await timers.pass(50)
    t.ok(slow.queuedBytes <= 10_000)
  }
  t.same(
    fast.paths,
    Array.from({ length: 200 }, (_, i) => `/${i}`),
  )
  t.match(fast.frames.at(-1), { sent: 200, dropped: 0, seen: 200 })
  const frames = await readyFrames(slow)
  const last = frames.at(-1)!
  const kept = frames.flatMap(({ events }) => events.map(({ path }) => path))
  t.same(
    kept,
    Array.from({ length: kept.length }, (_, i) => `/${200 - kept.length + i}`),
    'the newest are kept',
  )
  t.ok(last.dropped > 100 && last.dropped < 200, `${last.dropped} dropped`)
  t.same([last.sent + last.dropped, last.matched, last.seen], [200, 200, 200])
  t.equal(hub.stats.queuedBytes, 0)
})

t.test('a client that reads again after a pause goes on with what is new', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const session = await hub.open(all, { maxQueueBytes: 1000 })
  for (let i = 0; i < 20; i++) {
    await publish([{}])
    await timers.pass(50)
  }
  await readyFrames(session)
  const next = session.next()
  await publish([{ path: '/new' }])
  await timers.pass(50)
  t.match(JSON.parse((await next)!), { events: [{ path: '/new' }], matched: 21 })
})

t.test('what is on its way to a client counts against its limit until it asks for more', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const session = await hub.open(all, { maxQueueBytes: 4000 })
  const flood = async () => {
    for (let i = 0; i < 40; i++) {
      await publish([{}])
      await timers.pass(50)
    }
  }
  await flood()
  const full = session.queuedBytes
  t.ok(full > 3000)
  const batch = await session.nextBatch()
  const taken = batch!.reduce((sum, { head, rest }) => sum + head.length + rest.length, 0)
  t.equal(session.inFlightBytes, taken)
  t.equal(hub.stats.inFlightBytes, taken)
  t.ok(session.queuedBytes > full / 4, 'at most about half of it is taken at a time')
  await flood()
  t.ok(session.queuedBytes + session.inFlightBytes <= 4000, 'there is less room for what waits')
  await readyFrames(session)
  t.ok(session.inFlightBytes < taken, 'what was taken before is let go of')
  await session.close()
  t.equal(hub.stats.inFlightBytes, 0)
})

t.test('only the first frame of a session says what it is narrowed to', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const narrowed = new Reader(await hub.open(all, { narrowedTo: ['*/shop'] }))
  const whole = new Reader(await hub.open(all))
  for (let i = 0; i < 3; i++) {
    await publish([{}])
    await timers.pass(50)
  }
  t.strictSame(
    narrowed.frames.map(({ narrowedTo }) => narrowedTo),
    [['*/shop'], undefined, undefined],
  )
  t.ok(whole.frames.every((frame) => !('narrowedTo' in frame)))
})

t.test('an idle tap does not fill the queue of who does not read', async (t) => {
  const { timers, hub } = await hubRig(t)
  const session = await hub.open(all)
  await timers.pass(60_000)
  t.equal((await readyFrames(session)).length, 1)
})

t.test('all queues together are bounded: each session has a share', async (t) => {
  const { timers, hub, publish } = await hubRig(t, { limits: { queueBytes: 20_000 } })
  const first = await hub.open(all, { maxQueueBytes: 15_000 })
  for (let i = 0; i < 100; i++) {
    await publish([{}])
    await timers.pass(50)
  }
  t.ok(first.queuedBytes > 14_000)
  const others = [await hub.open(all), await hub.open(all), await hub.open(all)]
  t.ok(first.queuedBytes <= 5000, 'whoever has more gives it up')
  for (let i = 0; i < 100; i++) {
    await publish([{}])
    await timers.pass(50)
  }
  t.ok(hub.stats.queuedBytes <= 20_000)
  for (const session of others) t.ok(session.queuedBytes > 4000)
  for (const session of others) await session.close()
  t.equal(hub.stats.queuedBytes, first.queuedBytes)
})

t.test(
  'an event larger than the queue reaches a client that waits, and is dropped for one that does not',
  async (t) => {
    const { timers, hub, publish } = await hubRig(t)
    const waiting = new Reader(await hub.open(all, { maxQueueBytes: 1000 }))
    const busy = await hub.open(all, { maxQueueBytes: 1000 })
    await publish([{ path: `/${'x'.repeat(4000)}` }])
    await timers.pass(50)
    t.match(waiting.frames, [{ sent: 1, dropped: 0 }])
    t.match(busy.counts, { sent: 0, dropped: 1, matched: 1, seen: 1 })
  },
)

t.test('next is not to be called again before it has answered', async (t) => {
  const { hub } = await hubRig(t)
  const session = await hub.open(all)
  const waiting = session.next()
  await t.rejects(session.next(), TypeError)
  await session.close()
  t.equal(await waiting, undefined)
})

t.test('leaving a loop over a session closes it', async (t) => {
  const { timers, hub, publish } = await hubRig(t)
  const session = await hub.open(all)
  await publish([{}])
  await timers.pass(50)
  for await (const _ of session) break
  t.match(hub.stats, { sessions: 0, taps: 0 })
})

t.test('whatever a client does, its numbers add up in every frame', async (t) => {
  const action = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('give' as const),
        events: fc.nat(5),
        leftOut: fc.nat(3),
        lost: fc.nat(2),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: 'read' as const }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('share' as const), bytes: fc.integer({ min: 0, max: 2000 }) }),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
      const totals = { seen: 7, sampledOut: 3, lost: 2 }
      const session = new QueuedTapSession({
        maxQueueBytes: 1500,
        totals: { ...totals },
        nowMs: 0,
        onClose: async () => undefined,
      })
      let [given, received, nowMs] = [0, 0, 0]
      let last: TapAnswer = { events: [], seen: 0, matched: 0, sent: 0, dropped: 0, sampledOut: 0 }
      const read = async () => {
        const frame = JSON.parse((await session.next())!) as TapAnswer
        received += frame.events.length
        assert.equal(frame.matched, frame.sent + frame.dropped + frame.sampledOut)
        assert.equal(frame.sent, received)
        for (const name of ['seen', 'matched', 'sent', 'dropped', 'sampledOut'] as const) {
          assert.ok(frame[name] >= last[name], name)
        }
        assert.ok(frame.seen >= frame.matched)
        last = frame
      }
      for (const action of actions) {
        if (action.kind === 'give') {
          given += action.events + action.lost
          totals.seen += action.events + action.leftOut + action.lost + 1
          totals.sampledOut += action.leftOut
          totals.lost += action.lost
          const events = Array.from({ length: action.events }, () =>
            JSON.stringify({ path: 'x'.repeat(300) }),
          )
          session.give(chunksOf(events), { ...totals }, (nowMs += 50))
        } else if (action.kind === 'share') {
          session.share = action.bytes
        } else if (session.queuedBytes > 0) {
          await read()
        }
        assert.ok(session.queuedBytes <= 1500)
      }
      while (session.queuedBytes > 0) await read()
      const waiting = read()
      session.give([], { ...totals }, nowMs + 1000)
      await waiting
      assert.deepEqual(
        { seen: last.seen, sampledOut: last.sampledOut, given: last.sent + last.dropped },
        { seen: totals.seen - 7, sampledOut: totals.sampledOut - 3, given },
      )
    }),
    { numRuns: 200 },
  )
  t.pass()
})
