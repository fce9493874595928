import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { Aggregator } from '../../src/aggregator/aggregator.ts'
import { encodeEventBatch } from '../../src/event/event-batch-encoder.ts'
import { TapHub, type TapHubOptions } from '../../src/gateway/tap-hub.ts'
import type { TapSession } from '../../src/gateway/tap-session.ts'
import type { EventLog } from '../../src/log/event-log.ts'
import { EmbeddedEventLog } from '../../src/log/embedded/embedded-event-log.ts'
import type { TapAnswer } from '../../src/query/answer.ts'
import { LogReplays, type ReplayLimits } from '../../src/replay/log-replays.ts'
import type { RollupStore } from '../../src/store/rollup-store.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import type { TapBus } from '../../src/tap/tap-bus.ts'
import { TapPublisher } from '../../src/tap/tap-publisher.ts'
import { FOLDING } from '../aggregator/partition-rig.ts'
import { MemoryRollupStore } from '../memory-rollup-store.ts'
import { columnsOf, request } from '../tap/tap-traffic.ts'

export const TOPIC = 'mesh.requests'
const PROXIES = 6

/** A log with numbered events of some proxies, workers that fold it, and a gateway that replays it. */
export class ReplayWorld {
  readonly log: EventLog
  readonly store: RollupStore
  readonly hub: TapHub
  readonly bus: TapBus
  readonly #t: Test
  #pushed = 0

  constructor(
    t: Test,
    log: EventLog,
    ports: {
      readonly store: RollupStore
      /** Of the gateway and of the worker. */
      readonly buses: readonly [TapBus, TapBus]
      readonly hub?: Partial<TapHubOptions>
      readonly limits?: Partial<ReplayLimits>
    },
  ) {
    this.#t = t
    this.log = log
    this.store = ports.store
    this.bus = ports.buses[1]
    this.hub = new TapHub({
      bus: ports.buses[0],
      replays: new LogReplays({
        log,
        topic: TOPIC,
        flows: FOLDING.flows,
        now: Date.now,
        ...(ports.limits === undefined ? {} : { limits: ports.limits }),
      }),
      ...ports.hub,
    })
    t.teardown(() => this.hub.close())
  }

  static async embedded(
    t: Test,
    options: { readonly hub?: Partial<TapHubOptions>; readonly limits?: Partial<ReplayLimits> } = {},
  ): Promise<ReplayWorld> {
    const log = await EmbeddedEventLog.open({
      path: t.testdir(),
      partitions: 3,
      maxBytes: 64 * 2 ** 20,
      maxAgeMs: 3_600_000,
    })
    const bus = new LocalTapBus()
    const store = new MemoryRollupStore(Date.now)
    const world = new ReplayWorld(t, log, { store, buses: [bus, bus], ...options })
    t.teardown(() => log.close())
    return world
  }

  get pushed(): number {
    return this.#pushed
  }

  async work(): Promise<Aggregator> {
    const publisher = await TapPublisher.open({ bus: this.bus, flows: FOLDING.flows })
    const aggregator = new Aggregator({
      log: this.log,
      topic: TOPIC,
      deadLetterTopic: 'dead',
      flushMs: 50,
      processor: { store: this.store, now: Date.now, ...FOLDING },
      observe: (columns, cluster, place) => publisher.observe(columns, cluster, place),
      onTrouble: () => {},
      onFatal: (error) => this.#t.fail(String(error)),
    })
    await aggregator.start()
    this.#t.teardown(async () => {
      await aggregator.close()
      await publisher.close()
    })
    return aggregator
  }

  /** Appends the next events, some a record, numbered in order. */
  async push(records: number, eventsEach = 2): Promise<void> {
    for (let i = 0; i < records; i++) {
      const proxy = `proxy-${i % PROXIES}`
      const events = Array.from({ length: eventsEach }, () =>
        request({ proxy, path: `/${this.#pushed++}`, timeMs: Date.now() }),
      )
      await this.log.append(TOPIC, [recordOf(proxy, events)])
    }
  }
}

export function recordOf(
  key: string,
  events: readonly ReturnType<typeof request>[],
  numbered?: { readonly producer: string; readonly sequence: number },
) {
  const columns = columnsOf(events)
  if (numbered !== undefined) Object.assign(columns, numbered)
  return {
    key,
    value: encodeEventBatch(columns),
    headers: { 'content-type': 'application/x-protobuf; proto=meshtap.v1.EventBatch' },
  }
}

/** Reads a session as it comes. */
export class Seen {
  readonly frames: TapAnswer[] = []
  readonly #session: TapSession

  constructor(session: TapSession) {
    this.#session = session
    void this.#read()
  }

  async #read(): Promise<void> {
    for await (const frame of this.#session) this.frames.push(JSON.parse(frame) as TapAnswer)
  }

  get numbers(): number[] {
    return this.frames.flatMap(({ events }) => events.map(({ path }) => Number(String(path).slice(1))))
  }

  get end(): TapAnswer['replay'] {
    return this.frames.find(({ replay }) => replay !== undefined && replay.state !== 'running')?.replay
  }

  async until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + 15_000
    while (!isSo()) {
      assert.ok(
        Date.now() < deadline,
        `${what}: ${this.numbers.length} events, ${JSON.stringify(this.frames.at(-1))}`,
      )
      await sleep(10)
    }
  }

  /** Asserts that each event from `first` on was shown once, and those of a proxy in order. */
  check(first: number, end: number): void {
    const last = new Map<unknown, number>()
    for (const { events } of this.frames) {
      for (const { path, proxy } of events) {
        const number = Number(String(path).slice(1))
        assert.ok(number > (last.get(proxy) ?? -1), `${String(proxy)} has ${number} after ${last.get(proxy)}`)
        last.set(proxy, number)
      }
    }
    assert.deepStrictEqual(
      this.numbers.toSorted((a, b) => a - b),
      Array.from({ length: end - first }, (_, i) => first + i),
    )
  }
}
