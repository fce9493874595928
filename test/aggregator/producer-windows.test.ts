import fc from 'fast-check'
import t from 'tap'
import { MAX_PRODUCERS, ProducerWindows } from '../../src/aggregator/producer-windows.ts'

t.test('a number counts once, in any order within the window', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 64 }), { maxLength: 200 }),
      fc.integer({ min: 0, max: 2 ** 40 }),
      (sequence, base) => {
        const windows = new ProducerWindows()
        const seen = new Set<number>()
        for (const number of sequence) {
          t.equal(windows.accept('p', base + number, 1), !seen.has(number), `${base} + ${number}`)
          seen.add(number)
        }
        return t.passing()
      },
    ),
    { seed: 41, numRuns: 200 },
  )
})

t.test('what a store keeps of the windows decides as they do', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('a', 'b', 'ä'), fc.integer({ min: 1, max: 200 })), {
        maxLength: 100,
      }),
      fc.nat(100),
      (batches, cut) => {
        const whole = new ProducerWindows()
        let restarted = new ProducerWindows()
        batches.forEach(([producer, sequence], i) => {
          if (i === cut) restarted = ProducerWindows.decode(restarted.encode())
          t.equal(restarted.accept(producer, sequence, i), whole.accept(producer, sequence, i))
        })
        return t.passing()
      },
    ),
    { seed: 42, numRuns: 200 },
  )
})

t.test('a number 64 or more below the highest counts as seen', async (t) => {
  const check = (highest: number, number: number, isNew: boolean) => {
    const windows = new ProducerWindows()
    windows.accept('p', highest, 1)
    t.equal(windows.accept('p', number, 1), isNew, `${number} after ${highest}`)
  }
  check(100, 101, true)
  check(100, 100, false)
  check(100, 99, true)
  check(100, 68, true)
  check(100, 67, true)
  check(100, 37, true)
  check(100, 36, false)
  check(100, 1, false)
})

t.test('what was encoded before is not what a store is given after another batch', async (t) => {
  const windows = new ProducerWindows()
  windows.accept('p', 1, 1)
  windows.encode()
  windows.accept('p', 2, 1)
  t.equal(ProducerWindows.decode(windows.encode()).accept('p', 2, 2), false)
})

t.test('who is heard of is not forgotten for those who were heard of before', async (t) => {
  const windows = new ProducerWindows()
  windows.accept('faithful', 1, 0)
  let sequence = 1
  for (let i = 0; i < 3 * MAX_PRODUCERS; i++) {
    const nowMs = i * 20
    windows.accept(`p${i}`, 1, nowMs)
    if (i % 1000 === 0) windows.accept('faithful', ++sequence, nowMs)
  }
  t.ok(windows.displaced > MAX_PRODUCERS)
  t.equal(windows.accept('faithful', sequence, 3 * MAX_PRODUCERS * 20), false)
})

t.test('producers do not share windows', async (t) => {
  const windows = new ProducerWindows()
  t.equal(windows.accept('a', 1, 1), true)
  t.equal(windows.accept('b', 1, 1), true)
  t.equal(windows.accept('a', 1, 1), false)
})

t.test('the number of producers is bounded: those unheard of for longest are forgotten', async (t) => {
  const windows = new ProducerWindows()
  const many = MAX_PRODUCERS + 1
  for (let i = 0; i < many; i++) windows.accept(`p${i}`, 1, i)
  t.equal(windows.size, (MAX_PRODUCERS / 16) * 15)
  const first = many - windows.size
  t.equal(windows.displaced, first)
  t.equal(windows.accept(`p${first}`, 1, many), false, 'the oldest that is left is remembered')
  for (let i = 0; i < 10 * many; i++) windows.accept(`q${i}`, 1, many)
  t.ok(windows.size <= MAX_PRODUCERS)
  t.equal(windows.size + windows.displaced, 11 * many)
  const displaced = windows.displaced
  windows.accept('new', 1, many + 2 * 3_600_000)
  t.equal(windows.size, 1, 'an hour of silence forgets all')
  t.equal(windows.displaced, displaced, 'which is not for want of room')
})
