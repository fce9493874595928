import t from 'tap'
import { HighWater } from '../../src/telemetry/high-water.ts'

t.test('a count that falls a little stands still, and one that begins anew does so', async (t) => {
  for (const [name, counts, want] of [
    ['one that only rises', [0, 5, 5, 9], [0, 5, 5, 9]],
    ['what was not committed is folded anew', [100, 90, 95, 100, 104], [100, 100, 100, 100, 104]],
    ['half of it is still the same', [100, 50, 101], [100, 100, 101]],
    ['a topic that was made anew', [100, 3, 7], [100, 3, 7]],
    ['a store that lost all, folded again', [100, 0, 60, 110], [100, 0, 60, 110]],
  ] as const) {
    const highest = new HighWater()
    t.strictSame(
      counts.map((count) => highest.of('a', count)),
      want,
      name,
    )
  }
})

t.test('keys do not know of each other', async (t) => {
  const highest = new HighWater()
  t.equal(highest.of('a', 100), 100)
  t.equal(highest.of('b', 90), 90)
  t.equal(highest.of('a', 95), 100)
})
