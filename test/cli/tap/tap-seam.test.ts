import t from 'tap'
import { TapSeam } from '../../../src/cli/tap/tap-seam.ts'
import type { ReplayProgress, TapAnswer } from '../../../src/query/answer.ts'
import { tapEvent } from '../answers.ts'

const RUNNING: ReplayProgress = { state: 'running' }
const DONE: ReplayProgress = { state: 'done' }

function frame(paths: readonly string[], replay?: ReplayProgress, sampledOut = 0): TapAnswer {
  const events = paths.map((path) => tapEvent({ path }))
  const counts = { seen: 0, matched: 0, sent: 0, dropped: 0, sampledOut }
  return { events, ...counts, ...(replay === undefined ? {} : { replay }) }
}

const pathsOf = (events: TapAnswer['events']) => events.map(({ path }) => path)

t.test('what is asked for begins before the last frame that was whole', async (t) => {
  const seam = new TapSeam()
  seam.begin()
  seam.take(frame(['/a']), 100_000)
  t.strictSame(seam.resumption(100_001), { kind: 'with-past', since: '16s' })
  t.strictSame(seam.resumption(160_000), { kind: 'with-past', since: '75s' })
  seam.begin()
  seam.take(frame(['/b'], RUNNING), 165_000)
  t.strictSame(seam.resumption(170_000), { kind: 'with-past', since: '85s' }, 'its past was not at its end')
  seam.take(frame([], DONE), 171_000)
  t.strictSame(seam.resumption(172_000), { kind: 'with-past', since: '16s' })
})

t.test('each event that was shown is left out once for each time', async (t) => {
  const seam = new TapSeam()
  seam.begin()
  t.strictSame(pathsOf(seam.take(frame(['/a', '/a', '/b']), 0)), ['/a', '/a', '/b'])
  seam.begin()
  t.strictSame(pathsOf(seam.take(frame(['/a', '/b', '/a'], RUNNING), 1)), [])
  t.strictSame(pathsOf(seam.take(frame(['/a', '/c'], DONE), 2)), ['/a', '/c'])
  t.equal(seam.repeated, 3)
  seam.begin()
  t.equal(seam.repeated, 0)
  t.strictSame(pathsOf(seam.take(frame(['/c', '/a', '/a', '/a', '/b', '/d'], RUNNING), 3)), ['/d'])
})

t.test('what is asked for no more is forgotten', async (t) => {
  const seam = new TapSeam()
  seam.begin()
  seam.take(frame(['/a']), 0)
  seam.take(frame([]), 30_000)
  seam.begin()
  t.strictSame(pathsOf(seam.take(frame(['/a'], RUNNING), 30_000)), [])
  seam.take(frame([], DONE), 30_001)
  seam.begin()
  t.strictSame(pathsOf(seam.take(frame(['/a'], RUNNING), 30_002)), ['/a'])
})

t.test('a tap that was thinned of late goes on live', async (t) => {
  const seam = new TapSeam()
  seam.begin()
  seam.take(frame(['/a'], undefined, 5), 0)
  seam.take(frame([], undefined, 5), 59_000)
  t.match(seam.resumption(59_000), { kind: 'live', why: /--max-rps/ })
  seam.take(frame([], undefined, 5), 60_000)
  t.match(seam.resumption(60_000), { kind: 'with-past' })
})

t.test('one that showed more than is remembered goes on live, until that is long ago', async (t) => {
  const seam = new TapSeam({ maxEvents: 2 })
  seam.begin()
  seam.take(frame(['/a', '/b']), 0)
  t.match(seam.resumption(0), { kind: 'with-past' })
  seam.take(frame(['/c']), 1)
  t.match(seam.resumption(1), { kind: 'live', why: /too many/ })
  seam.take(frame([]), 30_000)
  t.match(seam.resumption(30_000), { kind: 'with-past' })
})

t.test('a past that is not to be had is given up for once, or for good', async (t) => {
  const seam = new TapSeam()
  t.match(seam.resumption(0), { kind: 'live' }, 'nothing was shown')
  seam.take(frame([]), 0)
  seam.giveUpPast('busy', { isForGood: false })
  t.strictSame(seam.resumption(0), { kind: 'live', why: 'busy' })
  seam.take(frame([]), 1)
  t.match(seam.resumption(1), { kind: 'with-past' })
  seam.giveUpPast('no log', { isForGood: true })
  seam.take(frame([]), 2)
  t.strictSame(seam.resumption(2), { kind: 'live', why: 'no log' })
})
