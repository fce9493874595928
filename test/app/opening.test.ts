import t from 'tap'
import { LateEventLog } from '../../src/app/late-event-log.ts'
import { LateRollupStore } from '../../src/app/late-rollup-store.ts'
import { LateTapBus } from '../../src/app/late-tap-bus.ts'
import { Opening, type OpeningOptions } from '../../src/app/opening.ts'
import { type EventLog, LogError, type Subscription } from '../../src/log/event-log.ts'
import { type RollupStore, StoreError } from '../../src/store/rollup-store.ts'
import type { TapBus } from '../../src/tap/tap-bus.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'

const SUBSCRIPTION: Subscription = { seek: () => undefined, close: async () => undefined }
const HANDLER = { assigned: async () => 0, records: async () => 0, revoked: async () => undefined }
const away = () => new LogError('LOG_UNAVAILABLE', 'no broker answers')

/** A log that can be subscribed to after a few tries. */
class FlakyLog implements Pick<EventLog, 'subscribe' | 'append' | 'close'> {
  closed = 0
  #failures: number

  constructor(failures: number) {
    this.#failures = failures
  }

  async subscribe(): Promise<Subscription> {
    if (this.#failures-- > 0) throw away()
    return SUBSCRIPTION
  }

  async append(): Promise<void> {}

  async close(): Promise<void> {
    this.closed++
  }
}

function opening<T extends { close(): Promise<void> }>(
  open: () => Promise<T>,
  options: Partial<OpeningOptions<T>> = {},
) {
  const troubles: string[] = []
  const fatal: unknown[] = []
  const made = new Opening<T>({
    what: 'Kafka',
    open,
    onTrouble: ({ message }) => troubles.push(message),
    onFatal: (error) => fatal.push(error),
    ...options,
  })
  return { made, troubles, fatal }
}

t.test('what does not answer is tried again until it does', async (t) => {
  const flaky = new FlakyLog(1)
  let tries = 0
  const { made, troubles, fatal } = opening(async () => {
    if (++tries < 3) throw away()
    return flaky as unknown as EventLog
  })
  const log = new LateEventLog(made, (message) => troubles.push(message))
  await t.rejects(log.append('a', []), { code: 'LOG_UNAVAILABLE', message: 'Kafka is being connected to' })
  t.equal(await log.subscribe('a', HANDLER), SUBSCRIPTION, 'who subscribes waits')
  t.strictSame(troubles, ['no broker answers', 'no broker answers', 'no broker answers'])
  await log.append('a', [])
  t.strictSame(fatal, [])
  await log.close()
  await log.close()
  t.ok(flaky.closed > 0)
})

t.test('what will not go better later ends the role', async (t) => {
  const error = new StoreError('STORE_FORMAT', 'Redis 5 is too old')
  const { made, fatal, troubles } = opening(() => Promise.reject(error))
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(fatal, [error])
  t.strictSame(troubles, [])
  await made.close()
})

t.test('a stop waits for nothing that is not there, and closes what comes late', async (t) => {
  const flaky = new FlakyLog(0)
  const late = Promise.withResolvers<EventLog>()
  const { made, fatal } = opening(() => late.promise)
  const log = new LateEventLog(made, () => undefined)
  const subscribed = log.subscribe('a', HANDLER)
  log.giveUp()
  await t.rejects(subscribed, { code: 'LOG_CLOSED' })
  await log.close()
  late.resolve(flaky as unknown as EventLog)
  await late.promise
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(flaky.closed, 1)
  t.equal(made.current, undefined)
  t.strictSame(fatal, [])
})

t.test('a subscription that waits for Kafka ends with a stop as well', async (t) => {
  const { made } = opening(async () => new FlakyLog(Infinity) as unknown as EventLog)
  const troubled = Promise.withResolvers<string>()
  const log = new LateEventLog(made, troubled.resolve)
  const subscribed = log.subscribe('a', HANDLER)
  t.equal(await troubled.promise, 'no broker answers')
  log.giveUp()
  await t.rejects(subscribed, { code: 'LOG_CLOSED' })
  await log.close()
})

t.test('a store and a tap bus are unavailable until they are there', async (t) => {
  const storeThere = Promise.withResolvers<RollupStore>()
  const store = new LateRollupStore(opening(() => storeThere.promise, { what: 'Redis' }).made)
  const unavailable = { code: 'STORE_UNAVAILABLE', message: 'Redis is being connected to' }
  await t.rejects(store.partitions(), unavailable)
  await t.rejects(store.claim('a-0'), unavailable)
  await t.rejects(
    store.read('a-0', () => []),
    unavailable,
  )
  storeThere.resolve(new MemoryRollupStore())
  await storeThere.promise
  await new Promise((resolve) => setImmediate(resolve))
  t.equal((await store.claim('a-0')).epoch, 1)

  const busThere = Promise.withResolvers<TapBus>()
  const bus = new LateTapBus(opening(() => busThere.promise, { what: 'Redis' }).made, () => undefined)
  const heard = Promise.withResolvers<number>()
  const unwatch = await bus.watch((taps) => heard.resolve(taps.length))
  await t.rejects(bus.unregister('x'), { code: 'TAP_BUS_UNAVAILABLE' })
  busThere.resolve(new LocalTapBus())
  await busThere.promise
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(await heard.promise, 0, 'who watched already hears of taps now')
  unwatch()
  await Promise.all([store.close(), bus.close()])
})
