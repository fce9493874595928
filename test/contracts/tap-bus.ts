import type { Test } from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { type TapBus, TapBusError, type TapFrame, type TapRegistration } from '../../src/tap/tap-bus.ts'
import type { TapQuery } from '../../src/tap/tap-query.ts'

/** A bus to be held to the contract. Nothing of it needs to be in this process. */
export interface TapBusUnderTest {
  readonly bus: TapBus
  /** Another gateway's or worker's end of the same bus; the same object where there is only one process. */
  readonly other: TapBus
  /** Lets so much time pass for the bus. */
  readonly pass: (ms: number) => Promise<void>
}

export interface TapBusContract {
  readonly name: string
  /** Opens a bus that takes so many registrations. The test's teardown closes what is still open. */
  readonly open: (t: Test, maxTaps: number) => Promise<TapBusUnderTest>
  /** What a registration lives where that is what is tested: longer than a busy machine stands still. */
  readonly ttlMs: number
  /** After so long something else would have been told, were there anything. */
  readonly lateMs: number
}

/** Of registrations that are not to expire. */
const LONG_MS = 600_000

const event: RequestEvent = {
  kind: 'request',
  timeMs: 1_763_978_400_123,
  direction: 'inbound',
  proxy: 'web-1',
  source: { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'vote-bot' },
  destination: { cluster: 'east', namespace: 'emojivoto', kind: 'deployment', name: 'web', port: 80 },
  tls: true,
  method: 'GET',
  path: '/größe?x=☃',
  status: 503,
  grpcStatus: 14,
  reset: true,
  latencyMicros: 1234,
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  requestHeaders: [{ name: 'x-user', value: '"7"\n' }],
  responseHeaders: [{ name: 'x-empty', value: '' }],
}

function tap(id: string, query: Partial<TapQuery> = {}): TapRegistration {
  return { id, query: { resource: { kind: 'deployment', name: 'web' }, maxRps: 100, ...query } }
}

function frame(seen: number): TapFrame {
  return { seen, matched: 1, candidates: [{ priority: 0.25, event }] }
}

/** Everything that `TapBus` promises, as tests. An adapter passes all of them or is none. */
export function tapBusContract(t: Test, contract: TapBusContract): void {
  const { name, open, ttlMs, lateMs } = contract
  const check = (what: string, run: (t: Test) => Promise<void>) => t.test(`${name}: ${what}`, run)

  /** Waits, a little each time, until something holds or a registration would be long gone. */
  async function until({ pass }: TapBusUnderTest, holds: () => boolean): Promise<void> {
    for (let passedMs = 0; passedMs < 3 * ttlMs && !holds(); passedMs += 10) await pass(10)
  }

  /** What a watcher was told, each time as the taps' ids. */
  async function watched(bus: TapBus): Promise<{ readonly told: string[][]; readonly stop: () => void }> {
    const told: string[][] = []
    const stop = await bus.watch((taps) => told.push(taps.map(({ id }) => id).toSorted()))
    return { told, stop }
  }

  check('who watches is told of the taps there are at once, then of every change', async (t) => {
    const under = await open(t, 10)
    await under.bus.register(tap('a'), LONG_MS)
    const { told } = await watched(under.other)
    t.same(told, [['a']])
    await under.bus.register(tap('b'), LONG_MS)
    await until(under, () => told.length >= 2)
    await under.bus.unregister('a')
    await until(under, () => told.length >= 3)
    t.same(told, [['a'], ['a', 'b'], ['b']])
  })

  check('a query arrives as it was registered', async (t) => {
    const under = await open(t, 10)
    const queries: readonly TapQuery[] = [
      { resource: {}, maxRps: 0.5 },
      {
        resource: { cluster: 'east', namespace: 'größe', kind: 'deployment', name: 'web' },
        to: { kind: 'service', name: 'voting-svc' },
        method: 'GET',
        authority: 'web-*:80',
        path: '/a b/*?',
        status: { kind: 'class', hundreds: 5 },
        minLatencyMicros: 250,
        header: { name: 'x-user', value: 'a: b' },
        maxRps: 100,
      },
      { resource: {}, direction: 'inbound', status: { kind: 'exact', status: 503 }, maxRps: 1 },
      {
        resource: { kind: 'route', name: '/users/:id' },
        status: { kind: 'classification', classification: 'failure' },
        header: { name: 'x' },
        maxRps: 7,
      },
    ]
    const seen = new Map<string, TapQuery>()
    await under.other.watch((taps) => taps.forEach(({ id, query }) => seen.set(id, query)))
    for (const [i, query] of queries.entries()) await under.bus.register({ id: `tap-${i}`, query }, LONG_MS)
    await until(under, () => seen.size === queries.length)
    for (const [i, query] of queries.entries()) t.strictSame(seen.get(`tap-${i}`), query)
  })

  check('a registration expires, unless it is registered again', async (t) => {
    const under = await open(t, 10)
    const { told } = await watched(under.other)
    await under.bus.register(tap('kept'), ttlMs)
    await under.bus.register(tap('left'), ttlMs)
    for (let i = 0; i < 8; i++) {
      await under.pass(ttlMs / 5)
      await under.bus.register(tap('kept'), ttlMs)
    }
    await until(under, () => told.at(-1)?.join() === 'kept')
    t.same(told, [[], ['kept'], ['kept', 'left'], ['kept']], 'and registering again tells nobody')
    await until(under, () => told.at(-1)?.length === 0)
    t.same(told.at(-1), [])
  })

  check('registering an id with another query changes it', async (t) => {
    const under = await open(t, 10)
    const paths: (string | undefined)[] = []
    await under.bus.register(tap('a', { path: '/old' }), LONG_MS)
    await under.other.watch((taps) => paths.push(taps[0]?.query.path))
    await under.bus.register(tap('a', { path: '/new' }), LONG_MS)
    await until(under, () => paths.length >= 2)
    t.same(paths, ['/old', '/new'])
  })

  check('who no longer watches is told nothing', async (t) => {
    const under = await open(t, 10)
    const { told, stop } = await watched(under.bus)
    const still = await watched(under.other)
    stop()
    stop()
    await under.bus.register(tap('a'), LONG_MS)
    await until(under, () => still.told.length >= 2)
    t.same(told, [[]])
  })

  check('frames reach whoever subscribed, in order and as they were', async (t) => {
    const under = await open(t, 10)
    const frames: TapFrame[] = []
    const also: number[] = []
    await under.bus.subscribe('a', (frame) => frames.push(frame))
    await under.other.subscribe('a', ({ seen }) => also.push(seen))
    for (let seen = 1; seen <= 20; seen++) await under.other.publish('a', frame(seen))
    await until(under, () => frames.length === 20 && also.length === 20)
    t.strictSame(
      frames,
      Array.from({ length: 20 }, (_, i) => frame(i + 1)),
    )
    t.same(
      also,
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })

  check("a frame without subscriber is gone, and so is another tap's", async (t) => {
    const under = await open(t, 10)
    await under.bus.publish('a', frame(1))
    const seen: number[] = []
    const unsubscribe = await under.bus.subscribe('a', (frame) => seen.push(frame.seen))
    await under.bus.publish('b', frame(2))
    await under.bus.publish('a', frame(3))
    await until(under, () => seen.length > 0)
    await unsubscribe()
    await unsubscribe()
    await under.bus.publish('a', frame(4))
    await under.pass(lateMs)
    t.same(seen, [3])
  })

  check('there is a limit to registrations, and one that goes makes room', async (t) => {
    const under = await open(t, 2)
    await under.bus.register(tap('a'), ttlMs)
    await under.bus.register(tap('b'), ttlMs)
    await rejects(t, 'TAP_LIMIT', () => under.bus.register(tap('c'), ttlMs))
    await under.bus.register(tap('b'), ttlMs)
    await under.bus.unregister('a')
    await under.bus.register(tap('c'), ttlMs)
    await under.pass(ttlMs + lateMs)
    await under.bus.register(tap('d'), ttlMs)
    await under.bus.register(tap('e'), ttlMs)
  })

  check('unregistering what is not there is no fault', async (t) => {
    const under = await open(t, 2)
    await under.bus.unregister('a')
    t.pass()
  })

  check('a closed bus rejects, and closes again', async (t) => {
    const { bus } = await open(t, 2)
    await bus.register(tap('a'), LONG_MS)
    await bus.close()
    await bus.close()
    await rejects(t, 'TAP_BUS_CLOSED', () => bus.register(tap('a'), LONG_MS))
    await rejects(t, 'TAP_BUS_CLOSED', () => bus.unregister('a'))
    await rejects(t, 'TAP_BUS_CLOSED', () => bus.watch(() => undefined))
    await rejects(t, 'TAP_BUS_CLOSED', () => bus.publish('a', frame(1)))
    await rejects(t, 'TAP_BUS_CLOSED', () => bus.subscribe('a', () => undefined))
  })
}

async function rejects(t: Test, code: string, run: () => Promise<unknown>): Promise<void> {
  const error: unknown = await run().then(
    () => undefined,
    (error: unknown) => error,
  )
  t.type(error, TapBusError)
  t.match(error, { code })
}
