import type { EventMade } from './truth.ts'

/** Most batches between the oldest that is not acknowledged and the newest: what meshtap's windows take is 64. */
const WINDOW = 64

/** A batch may be held back behind this many of its successors, on purpose. */
const HELD_BEHIND = 24

/** A number, and what is sent under it, each time the same. */
export interface NumberedBatch {
  readonly producer: string
  readonly sequence: number
  readonly body: Uint8Array
}

const BATCH_TYPE = 'application/x-protobuf; proto=meshtap.v1.EventBatch'

/** The headers of a batch, the same over HTTP and in Kafka. An `EventBatch` has its number in itself. */
export function headersOf(
  { producer, sequence }: NumberedBatch,
  format: 'json' | 'batch',
): Record<string, string> {
  if (format === 'batch') return { 'content-type': BATCH_TYPE }
  return {
    'content-type': 'application/json',
    'meshtap-producer': producer,
    'meshtap-sequence': String(sequence),
  }
}

/** Sends one batch once. Resolves when it is acknowledged; rejects when that is not known, to be sent again. */
export type Send = (batch: NumberedBatch) => Promise<void>

export interface LoadStats {
  events: number
  batches: number
  retries: number
  /** Batches sent again though they were acknowledged, or twice at once. */
  duplicates: number
  /** Batches sent after successors of theirs. */
  reordered: number
}

export interface ProducerOptions {
  /** Must name one life of one producer; a life's number is added. */
  readonly name: (life: number) => string
  readonly eventsPerBatch: number
  readonly make: (events: number) => readonly EventMade[]
  readonly encode: (producer: string, sequence: number, events: readonly EventMade[]) => Uint8Array
  readonly send: Send
  readonly next: () => number
  readonly stats: LoadStats
  /** Batches after which the producer begins a new life, under another name and from number 1. */
  readonly batchesPerLife: number
  /** Told of a batch that was refused in a way that no repetition changes. */
  readonly onRefused: (error: unknown) => void
}

interface Held {
  readonly batch: NumberedBatch
  readonly untilSequence: number
}

/**
 * A producer as docs/protocol.md asks for: it numbers its batches, repeats one until it is acknowledged, and keeps at
 * most 64 numbers under way. On top it does what networks do: some batches are sent twice, some overtaken by others.
 */
export class NumberedProducer {
  readonly #options: ProducerOptions
  #life = 1
  #sequence = 0
  #held: Held[] = []
  readonly #unacknowledged = new Set<number>()
  readonly #underWay = new Set<Promise<void>>()
  #closing = false
  #isAbandoned = false

  constructor(options: ProducerOptions) {
    this.#options = options
  }

  /** Whether a further batch fits the window. */
  get hasRoom(): boolean {
    const [oldest = this.#sequence + 1] = this.#unacknowledged
    return this.#sequence + 1 - oldest < WINDOW - 1
  }

  /** Makes and sends the next batch; answers how many events it has. */
  sendNext(): number {
    const { eventsPerBatch, batchesPerLife, make, encode, name, next, stats } = this.#options
    if (this.#sequence >= batchesPerLife && this.#unacknowledged.size === 0) {
      this.#life++
      this.#sequence = 0
    }
    const events = make(eventsPerBatch)
    const sequence = ++this.#sequence
    const producer = name(this.#life)
    const batch = { producer, sequence, body: encode(producer, sequence, events) }
    stats.events += events.length
    stats.batches++
    this.#unacknowledged.add(sequence)
    if (next() < 0.02) {
      this.#held.push({ batch, untilSequence: sequence + 1 + Math.floor(next() * HELD_BEHIND) })
      stats.reordered++
    } else {
      this.#start(batch)
    }
    this.#release((held) => held.untilSequence <= sequence)
    return events.length
  }

  /** Repeats nothing any more. */
  abandon(): void {
    this.#isAbandoned = true
    this.#closing = true
  }

  /** Sends what is held back, and resolves when everything is acknowledged. */
  async close(): Promise<void> {
    this.#closing = true
    this.#release(() => true)
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #release(isDue: (held: Held) => boolean): void {
    // When the window is full nothing further comes that would release what is held.
    const isFull = !this.hasRoom
    const due = this.#held.filter((held) => isFull || isDue(held))
    this.#held = this.#held.filter((held) => !due.includes(held))
    for (const { batch } of due) this.#start(batch)
  }

  #start(batch: NumberedBatch): void {
    this.#track(this.#untilAcknowledged(batch))
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(this.#options.onRefused).finally(() => this.#underWay.delete(tracked))
    this.#underWay.add(tracked)
  }

  async #untilAcknowledged(batch: NumberedBatch): Promise<void> {
    const { send, next, stats } = this.#options
    if (next() < 0.01) this.#duplicate(batch, 0)
    for (let wait = 100; ; wait = Math.min(2 * wait, 2_000)) {
      try {
        await send(batch)
        break
      } catch (error) {
        if (error instanceof RefusedForGood) throw error
        if (this.#isAbandoned) return
        stats.retries++
        await pause(wait * (0.5 + next()))
      }
    }
    this.#unacknowledged.delete(batch.sequence)
    const luck = next()
    if (luck < 0.02) this.#duplicate(batch, 0)
    else if (luck < 0.03) this.#duplicate(batch, 10_000 * next())
  }

  /** Once, whether it arrives or not. */
  #duplicate(batch: NumberedBatch, afterMs: number): void {
    const { send, stats } = this.#options
    this.#track(
      (async () => {
        if (afterMs > 0 && !this.#closing) await pause(afterMs)
        stats.duplicates++
        await send(batch).catch(() => undefined)
      })(),
    )
  }
}

/** A batch was refused in a way that no repetition changes: a defect. */
export class RefusedForGood extends Error {}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
