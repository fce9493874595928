import { Buffer } from 'node:buffer'
import { eventToJson } from '../event/json-encoder.ts'
import type { ReplayPart, TapReplay } from '../tap/tap-replay.ts'
import { chunksOf, NO_EVENTS, type TapFrameParts } from './tap-frame.ts'
import type { QueuedTapSession, TapCounts, TapSession, TapTotals } from './tap-session.ts'

/** Passes over the log: each is shorter than the one before, unless more comes than can be read. */
const MAX_PASSES = 10

export interface ReplayingSessionOptions {
  /** With a gate. */
  readonly live: QueuedTapSession
  readonly replay: TapReplay
  /** The tap's, as of now. */
  readonly totals: () => TapTotals
  /** When every worker evaluates the tap, epoch milliseconds. */
  readonly settledMs: number
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** The replay has ended, or the session before it has. */
  readonly onReplayed: () => void
}

/**
 * A session that begins with the past. It reads the log in passes, as fast as the client takes what is found, until a pass
 * began after all workers evaluate the tap, and all that was live since then still waits at the gate. Of that it shows what
 * lies after the offsets that the pass has reached: a record at or after them was appended after the pass began.
 */
export class ReplayingTapSession implements TapSession {
  readonly #options: ReplayingSessionOptions
  #frames: AsyncGenerator<string, void> | undefined
  #isReplaying = true

  constructor(options: ReplayingSessionOptions) {
    this.#options = options
    this.#frames = this.#replay()
  }

  get counts(): TapCounts {
    return this.#options.live.counts
  }

  get queuedBytes(): number {
    return this.#options.live.queuedBytes
  }

  get inFlightBytes(): number {
    return this.#options.live.inFlightBytes
  }

  async next(): Promise<string | undefined> {
    if (this.#frames === undefined) return this.#options.live.next()
    return this.#nextOf(this.#frames)
  }

  async nextBatch(): Promise<readonly TapFrameParts[] | undefined> {
    if (this.#frames === undefined) return this.#options.live.nextBatch()
    const frame = await this.#nextOf(this.#frames)
    return frame === undefined ? undefined : [{ head: Buffer.from(frame), rest: '' }]
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    try {
      for (let frame = await this.next(); frame !== undefined; frame = await this.next()) yield frame
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    this.#replayed()
    await this.#options.live.close()
    // Lets go of the log, when what it is read for just now is there.
    void this.#frames?.return().catch(() => undefined)
  }

  /** The replay's next frame, or the first one that is live. */
  async #nextOf(frames: AsyncGenerator<string, void>): Promise<string | undefined> {
    const { live } = this.#options
    const frame = await frames.next()
    if (frame.done !== true) return live.isOpen ? frame.value : undefined
    this.#frames = undefined
    return live.next()
  }

  async *#replay(): AsyncGenerator<string, void> {
    const { live, replay, totals, now } = this.#options
    let cut: string | undefined
    try {
      for (let pass = 1; ; pass++) {
        live.gate?.reset()
        live.rebase(totals())
        const startMs = now()
        for await (const part of replay.pass()) {
          yield* this.#framesOf(part)
          if (!live.isOpen) return
        }
        cut = replay.cut
        if (cut !== undefined || (startMs >= this.#options.settledMs && live.gate?.refused === 0)) break
        if (pass === MAX_PASSES) {
          cut = 'more happens than can be read from the log'
          break
        }
        await this.#options.sleep(Math.max(0, this.#options.settledMs - now()))
        if (!live.isOpen) return
      }
    } catch (error) {
      cut = `the log failed: ${error instanceof Error ? error.message : String(error)}`
    } finally {
      this.#replayed()
    }
    live.openGate(replay.reached, totals(), now())
    yield live.replayed(NO_EVENTS, 0, cut === undefined ? { state: 'done' } : { state: 'cut', reason: cut })
  }

  *#framesOf({ events, seen }: ReplayPart): Generator<string> {
    const { live } = this.#options
    const chunks = chunksOf(events.map((event) => JSON.stringify(eventToJson(event))))
    if (chunks.length === 0) chunks.push(NO_EVENTS)
    for (const [i, chunk] of chunks.entries())
      yield live.replayed(chunk, i === 0 ? seen : 0, { state: 'running' })
  }

  #replayed(): void {
    if (!this.#isReplaying) return
    this.#isReplaying = false
    this.#options.onReplayed()
  }
}
