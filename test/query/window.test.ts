import fc from 'fast-check'
import t from 'tap'
import { MAX_WINDOW_MS, MIN_WINDOW_MS, tierFor, windowAt } from '../../src/query/window.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

t.test('the tier is the finest that keeps the window', async (t) => {
  const check = (ms: number, name: string) => t.equal(tierFor(ms).name, name, `${ms / SECOND} s`)
  check(MIN_WINDOW_MS, '10s')
  check(10 * MINUTE, '10s')
  check(10 * MINUTE + SECOND, '1m')
  check(6 * HOUR, '1m')
  check(6 * HOUR + SECOND, '10m')
  check(MAX_WINDOW_MS, '10m')
})

t.test('a window has whole buckets, none that may be gone, and the length it says', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }),
      fc.integer({ min: -60_000, max: 60_000 }),
      fc.oneof(
        fc.integer({ min: MIN_WINDOW_MS, max: MAX_WINDOW_MS }),
        fc.integer({ min: MIN_WINDOW_MS, max: 11 * MINUTE }),
        fc.constantFrom(10 * MINUTE, 6 * HOUR, MAX_WINDOW_MS),
      ),
      (nowMs, behind, ms) => {
        const window = windowAt(nowMs, nowMs - behind, { text: '', ms })
        const { tier, fromMs, toMs, seconds } = window
        t.ok(toMs <= nowMs && toMs >= nowMs - 10_000)
        t.equal(fromMs % tier.bucketMs, 0)
        t.equal(seconds, (toMs - fromMs) / 1000)
        // At least as long as asked for and less than a bucket longer, but for what the tier may have dropped.
        t.ok(toMs - fromMs < ms + tier.bucketMs)
        t.ok(toMs - fromMs >= Math.min(ms, tier.retentionMs - 12_000))
        t.ok(fromMs + tier.bucketMs + tier.retentionMs > nowMs, 'the oldest bucket has not expired')
        return t.passing()
      },
    ),
    { seed: 31, numRuns: 500 },
  )
})

t.test('a window can begin with a multiple of a longer step', async (t) => {
  const nowMs = Date.UTC(2026, 10, 24, 10, 7, 35)
  const from = (ms: number, alignMs: number) =>
    new Date(windowAt(nowMs, nowMs, { text: '', ms }, alignMs).fromMs).toISOString().slice(11, 19)
  t.equal(from(5 * MINUTE, 10 * SECOND), '10:02:30')
  t.equal(from(5 * MINUTE, 20 * SECOND), '10:02:20')
  t.equal(from(2 * HOUR, HOUR), '08:00:00')
  t.equal(from(10 * MINUTE, 4 * MINUTE), '09:57:30', 'of the step that began at 09:56, what is still kept')
})
