import type { Test } from 'tap'
import type { RequestEvent } from '../../src/event/event.ts'
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts'
import { TapHub, type TapHubOptions } from '../../src/gateway/tap-hub.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import type { TapFrame, TapRegistration } from '../../src/tap/tap-bus.ts'
import { request } from '../query/events.ts'
import { engineOn } from '../query/world.ts'

/** A gateway over a store with a little traffic, and a tap bus that the test publishes to. */
export async function gatewayServer(
  t: Test,
  options: Partial<GatewayOptions> = {},
  hub: Partial<TapHubOptions> = {},
) {
  const bus = new LocalTapBus()
  const clock = { nowMs: 0, tick: (): void => {} }
  const taps = new TapHub({
    bus,
    now: () => clock.nowMs,
    random: () => 0,
    every: (ms, callback) => {
      if (ms > 1000) return () => {}
      clock.tick = () => {
        clock.nowMs += ms
        callback()
      }
      return () => {}
    },
    ...hub,
  })
  let registered: readonly TapRegistration[] = []
  const waiting: (() => void)[] = []
  await bus.watch((taps) => {
    registered = taps
    for (const wake of waiting.splice(0)) wake()
  })
  const app = await createGateway({
    engine: await engineOn([request('bot', 'web'), request('web', 'emoji')]),
    taps,
    ready: () => ({ ready: true }),
    version: '1.2.3',
    now: () => 0,
    ...options,
  })
  t.teardown(async () => {
    await app.close()
    await taps.close()
  })
  return {
    app,
    taps,
    bus,
    /** Resolves when `count` taps are registered. */
    registered: async (count: number): Promise<readonly TapRegistration[]> => {
      while (registered.length !== count) await new Promise<void>((resolve) => waiting.push(resolve))
      return registered
    },
    /** Lets a worker tell the only tap of these events, and time pass until they are sent. */
    publish: async (events: readonly RequestEvent[]): Promise<void> => {
      const [tap] = registered
      if (tap === undefined) throw new Error('BUG: no tap is registered')
      // The hub's session comes a moment after its registration.
      while (taps.stats.sessions === 0) await new Promise(setImmediate)
      await bus.publish(tap.id, frameOf(events))
      for (let i = 0; i < 40; i++) clock.tick()
    },
    pass: (ticks: number): void => {
      for (let i = 0; i < ticks; i++) clock.tick()
    },
  }
}

export function frameOf(events: readonly RequestEvent[]): TapFrame {
  return {
    seen: events.length,
    matched: events.length,
    candidates: events.map((event, index) => ({ priority: index / events.length, event })),
  }
}
