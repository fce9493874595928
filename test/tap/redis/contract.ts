import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { parseRedisUrl } from '../../../src/redis/redis-url.ts'
import { RedisTapBus, type RedisTapBusOptions } from '../../../src/tap/redis/redis-tap-bus.ts'
import type { TapBus, TapFrame, TapRegistration } from '../../../src/tap/tap-bus.ts'
import type { TapBusContract } from '../../contracts/tap-bus.ts'

/** Opens a bus that the test closes at its end. */
export async function openBus(
  t: Test,
  url: string,
  options: Omit<RedisTapBusOptions, 'redis'> = {},
): Promise<RedisTapBus> {
  const bus = await RedisTapBus.open({ redis: parseRedisUrl(url), syncMs: 100, ...options })
  t.teardown(() => bus.close())
  return bus
}

/** The contract, on two buses of one Redis, which `empty` empties before each test. */
export function redisContract(name: string, url: string, empty: () => Promise<void>): TapBusContract {
  return {
    name,
    open: async (t, maxTaps) => {
      await empty()
      const [bus, other] = await Promise.all([openBus(t, url, { maxTaps }), openBus(t, url, { maxTaps })])
      return { bus, other, pass: (ms) => sleep(ms) }
    },
    ttlMs: 2500,
    lateMs: 400,
  }
}

/** A registration that matches everything. */
export function tap(id: string): TapRegistration {
  return { id, query: { resource: {}, maxRps: 100 } }
}

/** Waits until something holds; fails when it does not within some seconds. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + 20_000; !holds(); await sleep(5)) {
    if (Date.now() > endMs) throw new Error(`it never came to be that ${what}`)
  }
}

/** What a watcher is told, each time as the taps' ids. */
export async function idsWatched(bus: TapBus): Promise<string[][]> {
  const told: string[][] = []
  await bus.watch((taps) => told.push(taps.map(({ id }) => id).toSorted()))
  return told
}

/** Frames of a tap, as they come. */
export async function framesOf(bus: TapBus, tapId: string): Promise<TapFrame[]> {
  const frames: TapFrame[] = []
  await bus.subscribe(tapId, (frame) => frames.push(frame))
  return frames
}

/** A frame of events that were only seen. */
export function seen(count: number): TapFrame {
  return { seen: count, matched: 0, candidates: [] }
}

/** Sum of what frames have seen. */
export function seenIn(frames: readonly TapFrame[]): number {
  return frames.reduce((sum, frame) => sum + frame.seen, 0)
}
