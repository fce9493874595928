import type { Test } from 'tap'
import { TapHub, type TapHubOptions } from '../../src/gateway/tap-hub.ts'
import type { TapSession } from '../../src/gateway/tap-session.ts'
import type { TapAnswer } from '../../src/query/answer.ts'
import { LocalTapBus } from '../../src/tap/local/local-tap-bus.ts'
import type { TapBus, TapFrame, TapRegistration } from '../../src/tap/tap-bus.ts'
import { random } from '../random.ts'
import { FakeTimers, settled } from '../tap/fake-timers.ts'
import { request } from '../tap/tap-traffic.ts'

export interface HubRig {
  readonly timers: FakeTimers
  readonly bus: LocalTapBus
  readonly hub: TapHub
  /** The taps that workers are told of. */
  readonly taps: () => readonly TapRegistration[]
  /** Publishes events, as a worker that saw only these, to every tap. */
  readonly publish: (events: readonly RequestFields[]) => Promise<void>
}

type RequestFields = Parameters<typeof request>[0]

/** A hub on a local bus, on time that passes only when told to. */
export async function hubRig(
  t: Test,
  options: Partial<TapHubOptions> & { readonly wrap?: (bus: TapBus) => TapBus } = {},
): Promise<HubRig> {
  const { wrap = (bus: TapBus) => bus, ...rest } = options
  const timers = new FakeTimers()
  const bus = new LocalTapBus({ now: timers.now, after: timers.after })
  const next = random(1)
  let ids = 0
  const hub = new TapHub({
    bus: wrap(bus),
    now: timers.now,
    every: timers.every,
    random: next,
    newId: () => `tap-${++ids}`,
    ...rest,
  })
  let taps: readonly TapRegistration[] = []
  await bus.watch((told) => {
    taps = told
  })
  t.teardown(async () => {
    await hub.close()
    await bus.close()
  })
  const publish = async (events: readonly RequestFields[]) => {
    const frame: TapFrame = {
      seen: events.length,
      matched: events.length,
      candidates: events.map((fields) => ({ priority: next(), event: request(fields) })),
    }
    for (const { id } of taps) await bus.publish(id, frame)
  }
  return { timers, bus, hub, taps: () => taps, publish }
}

/** A client that reads everything at once, as frames come. */
export class Reader {
  readonly frames: TapAnswer[] = []
  isDone = false

  constructor(session: TapSession) {
    void this.#read(session)
  }

  get paths(): unknown[] {
    return this.frames.flatMap(({ events }) => events.map((event) => event['path']))
  }

  async #read(session: TapSession): Promise<void> {
    for await (const frame of session) this.frames.push(JSON.parse(frame) as TapAnswer)
    this.isDone = true
  }
}

/** The frames that a client that reads only now is given, until there is none ready. */
export async function readyFrames(session: TapSession): Promise<TapAnswer[]> {
  const frames: TapAnswer[] = []
  while (session.queuedBytes > 0) frames.push(JSON.parse((await session.next())!) as TapAnswer)
  await settled()
  return frames
}
