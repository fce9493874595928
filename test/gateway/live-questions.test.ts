import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { LiveQuestions, type LiveQuestionsOptions } from '../../src/gateway/live-questions.ts'
import type { StatAnswer } from '../../src/query/answer.ts'
import { LiveAnswer, type LiveMessage } from '../../src/query/live-answer.ts'
import { BASE, statRow } from '../cli/answers.ts'
import { FakeTimers } from '../tap/fake-timers.ts'

function rig(options: Partial<LiveQuestionsOptions> = {}) {
  const timers = new FakeTimers()
  const live = new LiveQuestions({
    every: timers.every,
    problemOf: (error) => ({ code: 'STORE_UNAVAILABLE', detail: String(error) }),
    ...options,
  })
  return { timers, live }
}

const answerOf = (names: Readonly<Record<string, number>>, watermark: string | null = null): StatAnswer => ({
  ...BASE,
  watermark,
  latencyError: 0.01,
  rows: Object.entries(names)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, requests]) => statRow({ name, requests })),
})

const read = (frame: string | undefined) => JSON.parse(frame!) as LiveMessage<StatAnswer>

t.test('first comes the whole answer, then what changes', async (t) => {
  const { live, timers } = rig()
  let answer = answerOf({ emoji: 1, voting: 5, web: 3 })
  const client = await live.open('q', async () => answer)
  t.strictSame(read(await client.next()), { sequence: 1, kind: 'whole', answer })
  answer = answerOf({ bot: 9, emoji: 1, web: 4 }, '2026-11-24T10:00:00.000Z')
  const next = client.next()
  await timers.pass(1000)
  const { rows, ...rest } = answer
  t.strictSame(read(await next), {
    sequence: 2,
    kind: 'change',
    answer: rest,
    changed: rows.filter(({ name }) => name !== 'emoji'),
    removed: [['deployment', rows[0]!.cluster, rows[0]!.namespace, 'voting']],
  })
  await client.close()
  t.equal(await client.next(), undefined)
  t.match(live.stats, { questions: 0, clients: 0 })
  t.equal(timers.running, 0)
})

t.test('equal questions are answered once a second, and written once', async (t) => {
  const { live, timers } = rig()
  let asked = 0
  const ask = async () => answerOf({ web: ++asked })
  const clients = await Promise.all(Array.from({ length: 50 }, () => live.open('q', ask)))
  t.equal(asked, 1)
  for (const client of clients) await client.next()
  const frames = clients.map((client) => client.next())
  await timers.pass(1000)
  t.equal(asked, 2)
  t.equal(new Set(await Promise.all(frames)).size, 1)
  const late = await live.open('q', ask)
  t.match(
    read(await late.next()),
    { sequence: 2, kind: 'whole' },
    'who comes later begins with what there is',
  )
  t.equal(asked, 2)
})

t.test('a slow client is sent a whole answer instead of those that it missed', async (t) => {
  const { live, timers } = rig()
  let count = 0
  const client = await live.open('q', async () => answerOf({ web: ++count }))
  await client.next()
  await timers.pass(4000)
  t.match(read(await client.next()), { sequence: 5, kind: 'whole', answer: { rows: [{ requests: 5 }] } })
  t.equal(live.stats.skipped, 3)
})

t.test('an answer that fails leaves what was there, and says why', async (t) => {
  const { live, timers } = rig()
  let fails = false
  const state = new LiveAnswer<StatAnswer>()
  const client = await live.open('q', async () => {
    if (fails) throw new Error('away')
    return answerOf({ web: 1 })
  })
  t.ok(state.take(read(await client.next())))
  fails = true
  const next = client.next()
  await timers.pass(1000)
  t.ok(state.take(read(await next)))
  t.equal(state.problem, 'Error: away')
  t.equal(state.answer?.rows.length, 1)
  fails = false
  const after = client.next()
  await timers.pass(1000)
  t.ok(state.take(read(await after)))
  t.equal(state.problem, undefined)
})

t.test('the first answer fails the opening, and leaves nothing', async (t) => {
  const { live, timers } = rig()
  await t.rejects(
    live.open('q', async () => {
      throw new Error('away')
    }),
    /away/,
  )
  t.match(live.stats, { questions: 0, clients: 0 })
  t.equal(timers.running, 0)
})

t.test('there are limits to questions and to clients', async (t) => {
  const { live } = rig({ limits: { questions: 2, clients: 3 } })
  const ask = async () => answerOf({})
  await live.open('a', ask)
  await live.open('b', ask)
  await t.rejects(live.open('c', ask), { status: 429, code: 'LIVE_LIMIT' })
  await live.open('a', ask)
  await t.rejects(live.open('a', ask), { status: 429, code: 'LIVE_LIMIT' })
  t.match(live.stats, { questions: 2, clients: 3 })
})

t.test('an answer that takes longer than a second is not asked for twice at once', async (t) => {
  const { live, timers } = rig()
  let asked = 0
  let finish = (): void => {}
  const client = await live.open('q', async () => {
    if (++asked > 1) await new Promise<void>((resolve) => (finish = resolve))
    return answerOf({ web: asked })
  })
  await client.next()
  await timers.pass(3000)
  t.equal(asked, 2)
  t.equal(live.stats.late, 2)
  const next = client.next()
  finish()
  t.match(read(await next), { sequence: 2 })
})

t.test('whatever a client misses, what it puts together is the answer', async (t) => {
  const names = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(3))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(names, fc.boolean()), { maxLength: 12 }), async (steps) => {
      const { live, timers } = rig()
      let answer = answerOf({ a: 1 })
      const client = await live.open('q', async () => answer)
      const state = new LiveAnswer<StatAnswer>()
      assert.ok(state.take(read(await client.next())))
      for (const [names, reads] of steps) {
        answer = answerOf(names)
        await timers.pass(1000)
        if (!reads) continue
        assert.ok(state.take(read(await client.next())))
        assert.deepStrictEqual(state.answer, answer)
      }
    }),
    { seed: 5, numRuns: 60 },
  )
  t.pass()
})

t.test('a message that does not follow is told from one that does', (t) => {
  const state = new LiveAnswer<StatAnswer>()
  const { rows, ...answer } = answerOf({ web: 1 })
  const change = (sequence: number) =>
    ({ sequence, kind: 'change', answer, changed: rows, removed: [] }) as const
  t.notOk(state.take(change(1)), 'there is nothing to change yet')
  t.ok(state.take({ sequence: 7, kind: 'whole', answer: { ...answer, rows } }))
  t.ok(state.take(change(8)))
  t.notOk(state.take(change(10)))
  t.end()
})
