import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import WebSocket from 'ws'
import type { TapAnswer } from '../../../src/query/answer.ts'
import { GatewayProcess } from './gateway-process.ts'
import { atOnce, upgraded } from './raw-http.ts'

// On a machine that is busy with others.
t.setTimeout(300_000)

const DEAF = 995
/** Different queries: what waits for clients of one is shared. */
const QUERIES = 199
const PHASE_MS = 1500
/** Bytes of an event's path: most of its JSON. */
const PATH_BYTES = 30_000

/**
 * docs/streams.md: 256 MiB of queues, and for each client 320 KiB that are on their way to it. What a gateway takes that
 * has no clients is what it is measured to take.
 */
const ALLOWED_MIB = 256 + (DEAF * 320) / 1024

/** A delay that a busy machine may have by itself. */
const FLOOR_MS = 1000

/** A client that takes what comes, and notes how late each event is. */
class Lively {
  readonly socket: WebSocket
  last: TapAnswer | undefined
  #delaysMs: number[] = []

  constructor(port: number) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/api/v1/tap?max_rps=10000`)
    this.socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as TapAnswer
      const nowMs = Date.now()
      this.last = frame
      for (const { time } of frame.events) this.#delaysMs.push(nowMs - Date.parse(time))
    })
  }

  /** How late 99 of 100 events were at most, of those since this was last asked. */
  p99Ms(): number {
    const sorted = this.#delaysMs.sort((a, b) => a - b)
    this.#delaysMs = []
    return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
  }
}

t.test(
  'a thousand clients that never read take no more than is theirs, and nothing from another',
  async (t) => {
    // They answer no pings either, for which they would be cut.
    // Its path may not be long.
    const directory = await mkdtemp(join(tmpdir(), 'meshtap-'))
    t.teardown(() => rm(directory, { recursive: true }))
    const socketPath = join(directory, 'gateway')
    const gateway = await GatewayProcess.start(t, {
      socketPath,
      limits: { pingMs: 3_600_000, requestsPerMinute: 1_000_000 },
    })
    const lively = new Lively(gateway.port)
    t.teardown(() => lively.socket.terminate())
    await gateway.until(({ taps }) => taps.sessions === 1)

    await gateway.stream(50, PATH_BYTES)
    await sleep(PHASE_MS)
    const aloneMs = lively.p99Ms()
    const aloneMiB = gateway.peakMiB

    await gateway.stream(0)
    await atOnce(Array.from({ length: DEAF }, (_, i) => i).values(), 20, async (i) => {
      const socket = await upgraded(socketPath, `/api/v1/tap?max_rps=${9000 + (i % QUERIES)}`)
      if ('status' in socket) throw new Error(`refused with ${socket.status}: ${socket.body}`)
      t.teardown(() => socket.destroy())
    })
    lively.p99Ms()
    await gateway.stream(50, PATH_BYTES)
    // Until all of them have lost events, more than the system and their queues hold.
    await gateway.until(({ taps }) => taps.droppedEvents > DEAF * 10)
    const fillingMs = lively.p99Ms()
    await sleep(PHASE_MS)
    const besideMs = lively.p99Ms()
    await gateway.stream(0)

    const { published } = await gateway.state()
    while (lively.last?.seen !== published) await sleep(20)
    const { matched, sent, dropped, sampledOut } = lively.last
    t.same(
      { matched, sent, dropped, sampledOut },
      { matched: published, sent: published, dropped: 0, sampledOut: 0 },
    )
    t.comment(`p99 alone ${aloneMs} ms, while they fill ${fillingMs} ms, beside them ${besideMs} ms`)
    t.ok(besideMs <= Math.max(2 * aloneMs, FLOOR_MS), 'another client does not wait for them')
    const { taps } = await gateway.state()
    t.comment(`${taps.queuedBytes / 2 ** 20} MiB queued, ${taps.droppedEvents} events lost by them`)
    t.comment(`${gateway.peakMiB} MiB at most, ${aloneMiB} MiB without them`)
    t.ok(taps.queuedBytes <= 256 * 2 ** 20)
    t.ok(gateway.peakMiB - aloneMiB < ALLOWED_MIB)
  },
)
