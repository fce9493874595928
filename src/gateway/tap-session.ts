import type { ReplayProgress, TapAnswer } from '../query/answer.ts'
import type { LiveGate } from './live-gate.ts'
import { chunksOf, NO_EVENTS, type TapChunk, type TapFrameParts } from './tap-frame.ts'

/** An idle tap sends a frame without events this often. */
export const KEEP_ALIVE_MS = 1000

/** What a queued frame takes beside its events. */
const FRAME_BYTES = 128

/** Frames are taken together up to so many bytes, and at most half of what the session may hold. */
const BATCH_BYTES = 256 * 1024

/** Numbers of a tap since it was registered, over what is decided. */
export interface TapTotals {
  readonly seen: number
  readonly sampledOut: number
  /** Events that might have been sent, had the bus not lost them. */
  readonly lost: number
}

/** A frame that is not yet sent: its events, and what it adds to the session's numbers. */
interface Queued extends TapTotals {
  readonly chunk: TapChunk
}

/** A frame as it is sent. */
interface Sent {
  readonly chunk: TapChunk
  readonly rest: string
}

export type TapCounts = Omit<TapAnswer, 'events' | 'replay' | 'narrowedTo'>

/** One client's view of a tap: a bounded queue of frames, to be pulled as fast as the client takes them. */
export interface TapSession extends AsyncIterable<string> {
  /** Numbers of what was sent, dropped and left out so far. `matched` is their sum. */
  readonly counts: TapCounts
  readonly queuedBytes: number
  /** Bytes of the frames that were taken last, which are let go of when the next are asked for. */
  readonly inFlightBytes: number
  /**
   * The next frame, a `TapAnswer` as JSON without a line's end; undefined once the session is closed or the hub ended it.
   * Not to be called again before it has answered.
   */
  next(): Promise<string | undefined>
  /** Instead of `next`, the next frames that are there, so that they can be sent together. */
  nextBatch(): Promise<readonly TapFrameParts[] | undefined>
  /** Leaves the tap. Idempotent. */
  close(): Promise<void>
}

/**
 * The queue behind a `TapSession`. Whoever reads too slowly loses their own oldest frames, counted in their `dropped`;
 * nobody else notices. What the bus lost is counted there as well.
 */
export class QueuedTapSession implements TapSession {
  /** Of a session that begins with the past: what live events go through. */
  gate: LiveGate | undefined
  readonly #onClose: () => Promise<void>
  readonly #maxQueueBytes: number
  #limitBytes: number
  #queue: Queued[] = []
  #queuedBytes = 0
  #inFlightBytes = 0
  /** Told in the first frame that is sent. */
  #narrowedTo: readonly string[] | undefined
  #waiting: ((frame: Sent | undefined) => void) | undefined
  #state: 'open' | 'ended' | 'closed' = 'open'
  /** The tap's totals that this session's frames have told of. */
  #told: TapTotals
  #frameMs: number
  #seen = 0
  #sent = 0
  #dropped = 0
  /** Of those that were dropped, what the bus had lost. */
  #lost = 0
  #sentBytes = 0
  #sampledOut = 0

  constructor(options: {
    readonly maxQueueBytes: number
    /** What had happened when the session joined is not told of. */
    readonly totals: TapTotals
    readonly nowMs: number
    /** What the tap is narrowed to, if it is. */
    readonly narrowedTo?: readonly string[] | undefined
    readonly onClose: () => Promise<void>
  }) {
    this.#maxQueueBytes = options.maxQueueBytes
    this.#limitBytes = options.maxQueueBytes
    this.#told = options.totals
    this.#frameMs = options.nowMs
    this.#narrowedTo = options.narrowedTo
    this.#onClose = options.onClose
  }

  get queuedBytes(): number {
    return this.#queuedBytes + (this.gate?.bytes ?? 0)
  }

  get inFlightBytes(): number {
    return this.#inFlightBytes
  }

  /** Of those that were dropped, how many the bus had lost. */
  get lost(): number {
    return this.#lost
  }

  /** Bytes of the messages that were taken. */
  get sentBytes(): number {
    return this.#sentBytes
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get counts(): TapCounts {
    const [seen, sent, dropped, sampledOut] = [this.#seen, this.#sent, this.#dropped, this.#sampledOut]
    return { seen, matched: sent + dropped + sampledOut, sent, dropped, sampledOut }
  }

  /** The share of all sessions' memory that this one may take, if that is less than its own limit. */
  set share(bytes: number) {
    this.#limitBytes = Math.min(this.#maxQueueBytes, bytes)
    this.#dropWhileOver(0)
  }

  /** Takes what a tap has new; where that is nothing for a while, and the client waits, a frame without events. */
  give(chunks: readonly TapChunk[], totals: TapTotals, nowMs: number): void {
    if (this.#state !== 'open') return
    const isIdle = chunks.length === 0
    if (isIdle && (this.#queue.length > 0 || nowMs - this.#frameMs < KEEP_ALIVE_MS)) return
    for (const chunk of isIdle ? [NO_EVENTS] : chunks) {
      const { seen, sampledOut, lost } = this.#told
      this.#told = totals
      this.#push({
        chunk,
        seen: totals.seen - seen,
        sampledOut: totals.sampledOut - sampledOut,
        lost: totals.lost - lost,
      })
    }
    this.#frameMs = nowMs
  }

  /** Does not tell of what happened until now: of that the log is read. */
  rebase(totals: TapTotals): void {
    this.#told = totals
  }

  /** A frame of the replay, to be sent now; `seen` are the requests that were looked at for it. */
  replayed(chunk: TapChunk, seen: number, replay: ReplayProgress): string {
    this.#inFlightBytes = 0
    return textOf(this.#send({ chunk, seen, sampledOut: 0, lost: 0 }, replay))
  }

  /** Hands on live events from now on: first those that waited and were not replayed. */
  openGate(reached: ReadonlyMap<string, number>, totals: TapTotals, nowMs: number): void {
    const { gate } = this
    if (gate === undefined) return
    this.#dropped += gate.refused
    this.give(chunksOf(gate.open(reached).map(({ json }) => json)), totals, nowMs)
  }

  async next(): Promise<string | undefined> {
    const frame = await this.#take()
    return frame && textOf(frame)
  }

  async nextBatch(): Promise<readonly TapFrameParts[] | undefined> {
    const first = await this.#take()
    if (first === undefined) return undefined
    const batch = [partsOf(first)]
    let bytes = sizeOf(first)
    const mostBytes = Math.min(BATCH_BYTES, this.#limitBytes / 2)
    while (this.#queue.length > 0 && bytes < mostBytes) {
      const frame = this.#sendQueued()
      bytes += sizeOf(frame)
      batch.push(partsOf(frame))
    }
    return batch
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    try {
      for (;;) {
        const frame = await this.next()
        if (frame === undefined) return
        yield frame
      }
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#queue = []
    this.#queuedBytes = 0
    this.#inFlightBytes = 0
    this.#wake(undefined)
    await this.#onClose()
  }

  /** Lets the client read what is queued, then nothing more. */
  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#wake(undefined)
  }

  #take(): Promise<Sent | undefined> {
    if (this.#waiting !== undefined) {
      return Promise.reject(new TypeError('next() was called again before it answered'))
    }
    this.#inFlightBytes = 0
    if (this.#queue.length > 0) return Promise.resolve(this.#sendQueued())
    if (this.#state !== 'open') return Promise.resolve(undefined)
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  #sendQueued(): Sent {
    const frame = this.#queue.shift()!
    this.#queuedBytes -= sizeOf(frame)
    return this.#send(frame)
  }

  #push(frame: Queued): void {
    if (this.#waiting !== undefined) {
      this.#wake(this.#send(frame))
      return
    }
    const bytes = sizeOf(frame)
    this.#dropWhileOver(bytes)
    if (this.#inFlightBytes + bytes > this.#limitBytes) {
      this.#drop(frame)
      return
    }
    this.#queue.push(frame)
    this.#queuedBytes += bytes
  }

  #dropWhileOver(moreBytes: number): void {
    while (this.#queue.length > 0 && this.#heldBytes + moreBytes > this.#limitBytes) {
      const frame = this.#queue.shift()!
      this.#queuedBytes -= sizeOf(frame)
      this.#drop(frame)
    }
  }

  /** What waits and what is on its way: together they have a limit. */
  get #heldBytes(): number {
    return this.#queuedBytes + this.#inFlightBytes
  }

  #drop({ chunk, seen, sampledOut, lost }: Queued): void {
    this.#seen += seen
    this.#sampledOut += sampledOut
    this.#dropped += lost + chunk.events
    this.#lost += lost
  }

  #send({ chunk, seen, sampledOut, lost }: Queued, replay?: ReplayProgress): Sent {
    this.#seen += seen
    this.#sampledOut += sampledOut
    this.#dropped += lost
    this.#lost += lost
    this.#sent += chunk.events
    const narrowed = this.#narrowedTo === undefined ? '' : `"narrowedTo":${JSON.stringify(this.#narrowedTo)},`
    this.#narrowedTo = undefined
    const past = replay === undefined ? '' : `"replay":${JSON.stringify(replay)},`
    const rest = `${narrowed}${past}${JSON.stringify(this.counts).slice(1)}`
    const bytes = chunk.headBytes + rest.length
    this.#sentBytes += bytes
    this.#inFlightBytes += bytes
    return { chunk, rest }
  }

  #wake(frame: Sent | undefined): void {
    const resolve = this.#waiting
    this.#waiting = undefined
    resolve?.(frame)
  }
}

function textOf({ chunk, rest }: Sent): string {
  return `${chunk.headText}${rest}`
}

function partsOf({ chunk, rest }: Sent): TapFrameParts {
  return { head: chunk.head, rest }
}

function sizeOf({ chunk }: Sent | Queued): number {
  return chunk.bytes + FRAME_BYTES
}
