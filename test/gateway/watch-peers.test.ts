import { EventEmitter } from 'node:events'
import t from 'tap'
import { watchPeers } from '../../src/gateway/tap-websocket.ts'
import { FakeTimers } from '../tap/fake-timers.ts'

class Peer extends EventEmitter {
  pings = 0
  isCut = false
  answers = true

  ping(): void {
    this.pings++
    if (this.answers) this.emit('pong')
  }

  terminate(): void {
    this.isCut = true
  }
}

t.test(
  'who answers stays for as long as it answers, and is cut by the ping after the first unanswered',
  async (t) => {
    const timers = new FakeTimers()
    const [lively, dying, late] = [new Peer(), new Peer(), new Peer()]
    let silent = 0
    const stop = watchPeers([lively, dying, late], 20_000, {
      every: timers.every,
      onSilent: () => silent++,
    })
    await timers.pass(100_000)
    t.strictSame([lively.pings, dying.pings], [5, 5])
    dying.answers = false
    late.answers = false
    await timers.pass(20_000)
    late.emit('pong')
    late.answers = true
    await timers.pass(19_999)
    t.notOk(dying.isCut, 'it has until the next ping')
    await timers.pass(1)
    t.ok(dying.isCut)
    t.equal(silent, 1)
    t.notOk(late.isCut, 'an answer may take until then')
    await timers.pass(100_000)
    t.notOk(lively.isCut)
    t.equal(lively.listenerCount('pong'), 0, 'no listener is left behind')
    stop()
    t.equal(timers.running, 0)
  },
)
