import type { BatchSink, NumberedBatch, SinkAnswer } from './batch-sink.ts'
import type { Spool } from './spool/spool.ts'
import type { After } from './timers.ts'

export interface SendQueueOptions {
  readonly sink: BatchSink
  /** Where batches go that cannot be sent now. */
  readonly spool: Spool | undefined
  /** Batches held in memory, the one under way included. */
  readonly maxBatches: number
  /** Bytes held in memory; the batch that passes it is still taken. */
  readonly maxBytes: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly after: After
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Called once a batch, when it has been sent, or refused. */
  readonly onSettled: (batch: NumberedBatch, answer: SinkAnswer & { kind: 'accepted' | 'refused' }) => void
  /** Called each time that a batch could not be handed over now. */
  readonly onUnavailable: (answer: SinkAnswer & { kind: 'denied' | 'unavailable' }) => void
  /** Called when batches have left memory: sent, refused, or written to the spool. */
  readonly onLeft: (events: number) => void
  /** Called when the spool could not be written to. The batches stay in memory. */
  readonly onSpoolFailed: (error: unknown) => void
}

/**
 * Sends batches one after the other, each until it is taken or refused: the same bytes, after a wait that doubles, or as
 * long as the sink asks for.
 *
 * With a spool, a batch that could not be sent goes there, and all that come after it, so that the order stays; so do
 * batches that memory has no room for. As soon as the spool is empty batches are sent from memory again.
 */
export class SendQueue {
  readonly #options: SendQueueOptions
  readonly #batches: NumberedBatch[] = []
  readonly #abort = new AbortController()
  #bytes = 0
  #running: Promise<void> | undefined
  /** The sink did not take the last batch: what comes goes to the spool. */
  #isSpilling = false
  #writing: Promise<void> | undefined
  #wake: (() => void) | undefined

  constructor(options: SendQueueOptions) {
    this.#options = options
    // What a former life left goes first.
    this.#start()
  }

  get length(): number {
    return this.#batches.length
  }

  get bytes(): number {
    return this.#bytes
  }

  get hasRoom(): boolean {
    return this.#batches.length < this.#options.maxBatches && this.#bytes < this.#options.maxBytes
  }

  push(batch: NumberedBatch): void {
    this.#batches.push(batch)
    this.#bytes += batch.bytes.length
    if (this.#isSpilling || !this.hasRoom) void this.spill()
    this.#start()
  }

  /** Stops sending, writes what is in memory to the spool, where there is one. What remains is left to `abandon`. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#wake?.()
    await this.#running
    await this.spill()
  }

  /** The batches in memory, which nobody will send. */
  abandon(): readonly NumberedBatch[] {
    this.#bytes = 0
    return this.#batches.splice(0)
  }

  #start(): void {
    const { spool } = this.#options
    if (this.#running !== undefined || this.#abort.signal.aborted) return
    if (this.#batches.length === 0 && this.#writing === undefined && (spool?.isEmpty ?? true)) return
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      // What came after the last look.
      this.#start()
    })
  }

  async #run(): Promise<void> {
    for (let batch = await this.#next(); batch !== undefined; batch = await this.#next()) {
      const answer = await this.#send(batch)
      if (answer === undefined) break
      await this.#settle(batch, answer)
    }
  }

  /** The oldest batch: of the spool, as long as that has any or is being written to. */
  async #next(): Promise<NumberedBatch | undefined> {
    const { spool } = this.#options
    while (!this.#abort.signal.aborted) {
      const head = await spool?.head()
      if (head !== undefined) return head
      if (this.#writing === undefined) break
      await this.#writing
    }
    this.#isSpilling = false
    return this.#batches[0]
  }

  async #settle(batch: NumberedBatch, answer: SinkAnswer & { kind: 'accepted' | 'refused' }): Promise<void> {
    const { spool, onSettled, onLeft } = this.#options
    // It may have been on its way to the spool while it was sent.
    await this.#writing
    if (this.#batches[0] === batch) {
      this.#take(1)
      onSettled(batch, answer)
      onLeft(batch.events)
    } else {
      await spool?.shift(batch)
      onSettled(batch, answer)
    }
  }

  /** Writes what is in memory to the spool, where there is one, and what comes while it does. */
  spill(): Promise<void> {
    const { spool } = this.#options
    if (spool === undefined || this.#batches.length === 0) return this.#writing ?? Promise.resolve()
    return (this.#writing ??= this.#write(spool).finally(() => {
      this.#writing = undefined
    }))
  }

  async #write(spool: Spool): Promise<void> {
    try {
      while (this.#batches.length > 0) {
        const written = this.#take(await spool.append(this.#batches.slice()))
        this.#options.onLeft(written.reduce((sum, { events }) => sum + events, 0))
      }
    } catch (error) {
      this.#options.onSpoolFailed(error)
    }
  }

  /** Removes the first batches from memory. */
  #take(count: number): readonly NumberedBatch[] {
    const batches = this.#batches.splice(0, count)
    this.#bytes -= batches.reduce((sum, { bytes }) => sum + bytes.length, 0)
    return batches
  }

  /** Undefined where the queue was stopped. */
  async #send(batch: NumberedBatch): Promise<(SinkAnswer & { kind: 'accepted' | 'refused' }) | undefined> {
    const { signal } = this.#abort
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await this.#try(batch)
      if (signal.aborted) return undefined
      if (answer.kind === 'accepted' || answer.kind === 'refused') return answer
      this.#isSpilling = true
      void this.spill()
      this.#options.onUnavailable(answer)
      const afterMs = answer.kind === 'denied' ? undefined : answer.afterMs
      await this.#sleep(Math.max(this.#backoff(attempt), afterMs ?? 0))
    }
    return undefined
  }

  /** What a sink that does not heed the signal answers after it is not waited for. */
  async #try(batch: NumberedBatch): Promise<SinkAnswer> {
    const { signal } = this.#abort
    let stop: (() => void) | undefined
    const stopped = new Promise<SinkAnswer>((resolve) => {
      stop = () => resolve({ kind: 'unavailable', why: 'the reporter is closed' })
      signal.addEventListener('abort', stop)
    })
    try {
      return await Promise.race([this.#options.sink.send(batch, signal), stopped])
    } catch (error) {
      return { kind: 'unavailable', why: error instanceof Error ? error.message : String(error) }
    } finally {
      signal.removeEventListener('abort', stop!)
    }
  }

  /** Half of it is random, so that proxies that lost their ingest together do not come back together. */
  #backoff(attempt: number): number {
    const { backoffMs, maxBackoffMs, random } = this.#options
    return Math.min(backoffMs * 2 ** attempt, maxBackoffMs) * (0.5 + random() / 2)
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.after(ms, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
