import t from 'tap'
import { LocalTapBus } from '../../../src/tap/local/local-tap-bus.ts'
import { tapBusContract } from '../../contracts/tap-bus.ts'
import { FakeTimers } from '../fake-timers.ts'

tapBusContract(t, {
  name: 'local',
  open: async (t, maxTaps) => {
    const timers = new FakeTimers()
    const bus = new LocalTapBus({ maxTaps, now: timers.now, after: timers.after })
    t.teardown(() => bus.close())
    return { bus, other: bus, pass: (ms) => timers.pass(ms) }
  },
  ttlMs: 30_000,
  lateMs: 1000,
})

t.test('a bus that is closed, or has no taps, leaves no timer', async (t) => {
  const timers = new FakeTimers()
  const bus = new LocalTapBus({ now: timers.now, after: timers.after })
  const query = { resource: {}, maxRps: 100 }
  await bus.register({ id: 'a', query }, 1000)
  t.equal(timers.running, 1)
  await bus.unregister('a')
  t.equal(timers.running, 0)
  await bus.register({ id: 'a', query }, 1000)
  await bus.close()
  t.equal(timers.running, 0)
})

t.test('the error at the limit names the limit', async (t) => {
  const bus = new LocalTapBus({ maxTaps: 1 })
  t.teardown(() => bus.close())
  const query = { resource: {}, maxRps: 100 }
  await bus.register({ id: 'a', query }, 1000)
  await t.rejects(bus.register({ id: 'b', query }, 1000), {
    code: 'TAP_LIMIT',
    message: 'there are 1 taps already, as many as are allowed at a time',
  })
})
