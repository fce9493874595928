import t from 'tap'
import { TokenBuckets } from '../../src/http/token-buckets.ts'

t.test('a name has so many a minute, at once or spread, and is told how long there are none', async (t) => {
  let nowMs = 0
  const buckets = new TokenBuckets(60, () => nowMs)
  for (let i = 0; i < 60; i++) t.equal(buckets.take('alice'), 0)
  t.equal(buckets.take('alice'), 1)
  t.equal(buckets.take('bob'), 0, 'others have their own')
  nowMs += 999
  t.equal(buckets.take('alice'), 1)
  nowMs += 1
  t.equal(buckets.take('alice'), 0, 'one comes back each second')
  t.equal(buckets.take('alice'), 1)
  nowMs += 3_600_000
  for (let i = 0; i < 60; i++) t.equal(buckets.take('alice'), 0, 'and no more than were there at first')
  t.equal(buckets.take('alice'), 1)
})

t.test('few a minute are long to wait for, and a clock that is set back gives none', async (t) => {
  let nowMs = 1_000_000
  const buckets = new TokenBuckets(2, () => nowMs)
  t.strictSame([buckets.take('a'), buckets.take('a'), buckets.take('a')], [0, 0, 30])
  nowMs = 0
  t.equal(buckets.take('a'), 30)
  nowMs = 30_000
  t.equal(buckets.take('a'), 0)
})

t.test('of more than 10,000 names the idlest is forgotten', async (t) => {
  const buckets = new TokenBuckets(1, () => 0)
  buckets.take('idle')
  buckets.take('asking')
  for (let i = 0; i < 9_999; i++) buckets.take(`${i}`)
  t.equal(buckets.take('asking') > 0, true)
  t.equal(buckets.take('idle'), 0)
})
