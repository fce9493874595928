import t from 'tap'
import { formatTapQuery } from '../../../src/tap/format-tap-query.ts'
import { LIST, REGISTER, type Script } from '../../../src/tap/redis/tap-scripts.ts'
import { TapRegistry } from '../../../src/tap/redis/tap-registry.ts'
import { FakeTimers, settled } from '../fake-timers.ts'
import { tap } from './contract.ts'

const text = formatTapQuery(tap('a').query)

/** A registry whose commands a test answers, oldest first. */
function setUp() {
  const timers = new FakeTimers()
  const asked: { script: Script; args: readonly unknown[]; answer: (value: unknown) => void }[] = []
  const troubles: unknown[] = []
  const registry = new TapRegistry({
    commands: {
      run: (script, ...args) => new Promise((answer) => asked.push({ script, args, answer })),
    },
    maxTaps: 10,
    syncMs: 1000,
    onTrouble: (error) => troubles.push(error),
    onIgnored: (error) => troubles.push(error),
    now: timers.now,
    every: timers.every,
  })
  const told: string[] = []
  const watch = () => registry.watch((taps) => told.push(taps.map(({ id }) => id).join()))
  const answer = async (value: unknown): Promise<Script | undefined> => {
    const next = asked.shift()
    next?.answer(value)
    await settled()
    return next?.script
  }
  return { timers, registry, asked, troubles, told, watch, answer }
}

t.test('a change that comes while the first list is on its way is not missed', async (t) => {
  const { registry, asked, told, watch, answer } = setUp()
  void watch()
  registry.hear(JSON.stringify(['5', '6', 'b', text]))
  await answer(['', '5', 'a', text])
  t.same(told, ['a'])
  t.match(asked, [{ script: LIST, args: ['5'] }], 'it asks again, at once')
  await answer(['', '6', 'a', text, 'b', text])
  t.same(told, ['a', 'a,b'])
  t.equal(asked.length, 0)
})

t.test('a list that is older than what was heard meanwhile is not taken', async (t) => {
  const { timers, registry, told, watch, answer } = setUp()
  void watch()
  await answer(['', '5', 'a', text])
  await timers.pass(1000)
  registry.hear(JSON.stringify(['5', '6', 'b', text]))
  registry.hear(JSON.stringify(['6', '7', 'a']))
  t.same(told, ['a', 'a,b', 'b'])
  await answer(['', '6', 'a', text, 'b', text])
  t.same(told, ['a', 'a,b', 'b'])
  await answer(null)
  t.same(told, ['a', 'a,b', 'b'])
})

t.test('changes that are known, or are none, tell nobody', async (t) => {
  const { registry, asked, told, watch, answer } = setUp()
  void watch()
  await answer(['', '5', 'a', text])
  registry.hear(JSON.stringify(['4', '5', 'a', text]))
  t.equal(asked.length, 0)
  for (const message of ['{', '{}', '[1,2,3]', '["3","4","x"]']) {
    registry.hear(message)
    t.equal(await answer(null), LIST, message)
  }
  t.same(told, ['a'])
})

t.test('without an answer for 30 s there are no taps, and then there are again', async (t) => {
  const { timers, told, watch, answer } = setUp()
  void watch()
  await answer(['', '5', 'a', text])
  await timers.pass(30_000)
  t.same(told, ['a'])
  await timers.pass(1000)
  t.same(told, ['a', ''])
  await answer(null)
  await answer(['', '5', 'a', text])
  t.same(told, ['a', '', 'a'])
})

t.test('what was registered and is not there is registered again, for the rest of its time', async (t) => {
  const { timers, registry, asked, answer } = setUp()
  void registry.register(tap('a'), 10_000)
  await answer([1, 0])
  await timers.pass(4000)
  t.equal(await answer(['', '5', 'b', text]), LIST)
  t.match(asked, [{ script: REGISTER, args: ['a', text, 6000, 10] }])
  await answer([1, 1])
  await answer(null)
  await timers.pass(6000)
  while ((await answer(['', '9'])) !== undefined) t.notOk(asked.some(({ script }) => script === REGISTER))
})

t.test('a failure to renew does not forget what was registered before', async (t) => {
  const { timers, registry, asked, answer } = setUp()
  void registry.register(tap('a'), 10_000)
  await answer([1, 0])
  const renewing = t.rejects(registry.register(tap('a'), 10_000), {
    code: 'TAP_LIMIT',
    message: /10 taps already/,
  })
  await answer([0, 10])
  await renewing
  await timers.pass(1000)
  await answer(['', '5'])
  t.match(asked, [{ script: REGISTER, args: ['a', text, 9000, 10] }])
})

t.test('a registry that is closed asks no more', async (t) => {
  const { timers, registry, asked, watch, answer } = setUp()
  void watch()
  await answer(['', '5', 'a', text])
  registry.close()
  await timers.pass(5000)
  registry.hear('{')
  t.equal(asked.length, 0)
  t.equal(timers.running, 0)
})
