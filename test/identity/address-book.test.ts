import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { AddressBook, type Entry, type Occupant } from '../../src/identity/address-book.ts'

function occupant(pod: string, namespace = 'shop'): Occupant {
  return { namespace, kind: 'deployment', name: pod.split('-')[0]!, pod, service: '' }
}

function entry(id: string, pod: string, ips: readonly string[], fromMs: number, namespace = 'shop'): Entry {
  return { id, occupant: occupant(pod, namespace), ips, fromMs }
}

function bookAt(nowMs = 1_000_000, capacity = 100, memoryMs = 3_600_000) {
  const clock = { nowMs }
  return { clock, book: new AddressBook({ memoryMs, capacity, now: () => clock.nowMs }) }
}

t.test('an address is of whoever had it at the time', async (t) => {
  const { book } = bookAt()
  book.set('east', entry('a', 'web-1', ['10.0.0.1'], 100))
  book.end('east', 'a', 200)
  book.set('east', entry('b', 'api-1', ['10.0.0.1', 'FD00::0:1'], 300))
  book.set('west', entry('a', 'mail-1', ['10.0.0.1'], 0))
  const who = (cluster: string, ip: string, atMs: number) => book.atAddress(cluster, ip, atMs).occupant?.pod
  t.equal(who('east', '10.0.0.1', 99), undefined, 'nobody yet')
  t.equal(who('east', '10.0.0.1', 100), 'web-1')
  t.equal(who('east', '10.0.0.1', 199), 'web-1')
  t.equal(who('east', '10.0.0.1', 200), undefined, 'nobody between two')
  t.equal(who('east', '10.0.0.1', 300), 'api-1')
  t.equal(who('east', '::ffff:10.0.0.1', 300), 'api-1', 'an IPv4 address in an IPv6 one')
  t.equal(who('east', 'fd00:0::1', 300), 'api-1', 'IPv6 however it is written')
  t.equal(who('west', '10.0.0.1', 300), 'mail-1', 'clusters do not share addresses')
  t.equal(who('north', '10.0.0.1', 300), undefined)
  t.equal(who('east', 'not an address', 300), undefined)
  t.match(book.atAddress('east', '10.0.0.1', 250), { fromMs: 200, toMs: 300 }, 'how long that is so')
})

t.test('of two at one address the one that came last has it', async (t) => {
  const { book } = bookAt()
  book.set('east', entry('a', 'web-1', ['10.0.0.1'], 100))
  book.set('east', entry('b', 'web-2', ['10.0.0.1'], 200))
  t.match(book.atAddress('east', '10.0.0.1', 150), { occupant: { pod: 'web-1' }, fromMs: 100, toMs: 200 })
  t.match(book.atAddress('east', '10.0.0.1', 250), { occupant: { pod: 'web-2' } })
})

t.test('a pod without a namespace is known only where one namespace has its name', async (t) => {
  const { book } = bookAt()
  book.set('east', entry('a', 'db-0', [], 0, 'shop'))
  t.equal(book.ofPod('east', '', 'db-0', 5).occupant?.namespace, 'shop')
  book.set('east', entry('b', 'db-0', [], 0, 'mail'))
  t.equal(book.ofPod('east', '', 'db-0', 5).occupant, undefined)
  t.equal(book.ofPod('east', 'mail', 'db-0', 5).occupant?.namespace, 'mail')
  t.equal(book.ofPod('east', 'bank', 'db-0', 5).occupant, undefined)
})

t.test('what is learnt of one that is there replaces what was known', async (t) => {
  const { book } = bookAt()
  book.set('east', entry('a', 'web-1', [], 100))
  const before = book.version
  book.set('east', entry('a', 'web-1', [], 100))
  t.equal(book.version, before, 'nothing new is no change')
  book.set('east', entry('a', 'web-1', ['10.0.0.1'], 100))
  t.equal(book.atAddress('east', '10.0.0.1', 100).occupant?.pod, 'web-1')
  t.strictSame([...book.present('east')], ['a'])
  t.equal(book.stats.tenures, 1)
  const last = entry('a', 'web-1', ['10.0.0.1'], 100)
  for (const field of ['namespace', 'kind', 'name', 'pod', 'service'] as const) {
    book.set('east', { ...last, occupant: { ...last.occupant, [field]: 'other' } })
    t.equal(book.atAddress('east', '10.0.0.1', 100).occupant?.[field], 'other', field)
  }
})

t.test('one that moves to another address had the first until then', async (t) => {
  const { clock, book } = bookAt(1000)
  book.set('east', entry('a', 'web-1', ['10.0.0.1', 'fd00::1'], 100))
  book.set('east', entry('a', 'web-1', ['10.0.0.2', 'fd00::1'], 900))
  clock.nowMs = 2000
  const who = (ip: string, atMs: number) => book.atAddress('east', ip, atMs).occupant?.pod
  t.equal(who('10.0.0.1', 999), 'web-1')
  t.equal(who('10.0.0.1', 1000), undefined)
  t.equal(who('10.0.0.2', 899), undefined)
  t.equal(who('10.0.0.2', 1500), 'web-1')
  t.equal(who('fd00::1', 500), 'web-1')
  t.equal(who('fd00::1', 1500), 'web-1')
  t.equal(book.ofPod('east', 'shop', 'web-1', 500).occupant?.pod, 'web-1')
  t.equal(book.stats.tenures, 2)
})

t.test('those that are gone are remembered for a while, and no more than fit', async (t) => {
  const { clock, book } = bookAt(1000, 3, 500)
  for (const [i, id] of ['a', 'b', 'c'].entries()) book.set('east', entry(id, `p-${i}`, [`10.0.0.${i}`], 0))
  book.set('east', entry('d', 'p-9', ['10.0.0.9'], 0))
  t.equal(book.atAddress('east', '10.0.0.9', 1000).occupant, undefined, 'all others are there: no room')
  t.match(book.stats, { tenures: 3, refused: 1, forgotten: 0 })
  book.end('east', 'a', 1000)
  book.set('east', entry('d', 'p-9', ['10.0.0.9'], 0))
  t.equal(book.atAddress('east', '10.0.0.9', 1000).occupant?.pod, 'p-9')
  t.equal(book.atAddress('east', '10.0.0.0', 10).occupant, undefined, 'one that had ended made room')
  book.end('east', 'b', 1000)
  clock.nowMs = 1501
  book.end('east', 'c', 1501)
  t.equal(book.atAddress('east', '10.0.0.1', 10).occupant, undefined, 'forgotten after its time')
  t.equal(book.atAddress('east', '10.0.0.2', 10).occupant?.pod, 'p-2')
  t.match(book.stats, { tenures: 2, refused: 1, forgotten: 2 })
})

/** Steps of a life of addresses: pods that come and go, by a clock that only goes on. */
const STEPS = fc.array(
  fc.record({
    isEnd: fc.boolean(),
    id: fc.constantFrom('a', 'b', 'c'),
    ip: fc.constantFrom('10.0.0.1', '10.0.0.2'),
    waitMs: fc.integer({ min: 0, max: 3 }),
  }),
  { maxLength: 20 },
)

t.test(
  'an answer is what a plain list of lives gives, at its time and while it says that it holds',
  async () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const { book } = bookAt(0, 1000)
        const lives: { id: string; pod: string; ip: string; fromMs: number; toMs: number; order: number }[] =
          []
        let nowMs = 0
        for (const [order, { isEnd, id, ip, waitMs }] of steps.entries()) {
          nowMs += waitMs
          const last = lives.findLast((life) => life.id === id && life.toMs === Infinity)
          if (isEnd) {
            book.end('east', id, nowMs)
            if (last !== undefined) last.toMs = nowMs
          } else if (last === undefined) {
            book.set('east', entry(id, `p-${order}`, [ip], nowMs))
            lives.push({ id, pod: `p-${order}`, ip, fromMs: nowMs, toMs: Infinity, order })
          }
        }
        const plain = (ip: string, atMs: number) =>
          lives
            .filter((life) => life.ip === ip && life.fromMs <= atMs && atMs < life.toMs)
            .toSorted((a, b) => a.fromMs - b.fromMs || a.order - b.order)
            .at(-1)?.pod
        for (const ip of ['10.0.0.1', '10.0.0.2']) {
          for (let atMs = -1; atMs <= nowMs + 1; atMs++) {
            const { occupant: found, fromMs, toMs } = book.atAddress('east', ip, atMs)
            assert.equal(found?.pod, plain(ip, atMs))
            for (let ms = Math.max(fromMs, -1); ms < Math.min(toMs, nowMs + 2); ms++)
              assert.equal(plain(ip, ms), found?.pod, 'it holds as long as it says')
          }
        }
      }),
      { seed: 7, numRuns: 200 },
    )
  },
)
