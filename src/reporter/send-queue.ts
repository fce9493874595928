import type { IngestAnswer } from './ingest-client.ts'
import type { After } from './timers.ts'

export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly events: number
}

export interface SendQueueOptions {
  readonly post: (bytes: Uint8Array<ArrayBuffer>, signal: AbortSignal) => Promise<IngestAnswer>
  /** Batches held, the one under way included. */
  readonly maxBatches: number
  /** Bytes held; the batch that passes it is still taken. */
  readonly maxBytes: number
  readonly backoffMs: number
  readonly maxBackoffMs: number
  readonly after: After
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Called once a batch, when it has left the queue. */
  readonly onSettled: (batch: Batch, answer: IngestAnswer & { kind: 'accepted' | 'refused' }) => void
  /** Called each time that a batch could not be handed over now. */
  readonly onUnavailable: (answer: IngestAnswer & { kind: 'denied' | 'unavailable' }) => void
}

/**
 * Sends batches one after the other, each until it is taken or refused: the same bytes, after a wait that doubles, or as
 * long as the ingest asks for.
 */
export class SendQueue {
  readonly #options: SendQueueOptions
  readonly #batches: Batch[] = []
  readonly #abort = new AbortController()
  #bytes = 0
  #isRunning = false
  #wake: (() => void) | undefined

  constructor(options: SendQueueOptions) {
    this.#options = options
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

  push(batch: Batch): void {
    this.#batches.push(batch)
    this.#bytes += batch.bytes.length
    if (!this.#isRunning) void this.#run()
  }

  /** Gives up: stops what is under way and returns the batches that were not taken. */
  abort(): readonly Batch[] {
    this.#abort.abort()
    this.#wake?.()
    this.#bytes = 0
    return this.#batches.splice(0)
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const answer = await this.#send(batch)
      if (answer === undefined) break
      this.#batches.shift()
      this.#bytes -= batch.bytes.length
      this.#options.onSettled(batch, answer)
    }
    this.#isRunning = false
  }

  /** Undefined where the queue was aborted. */
  async #send(batch: Batch): Promise<(IngestAnswer & { kind: 'accepted' | 'refused' }) | undefined> {
    const { signal } = this.#abort
    for (let attempt = 0; !signal.aborted; attempt++) {
      const answer = await this.#options.post(batch.bytes, signal)
      if (signal.aborted) return undefined
      if (answer.kind === 'accepted' || answer.kind === 'refused') return answer
      this.#options.onUnavailable(answer)
      const afterMs = answer.kind === 'denied' ? undefined : answer.afterMs
      await this.#sleep(Math.max(this.#backoff(attempt), afterMs ?? 0))
    }
    return undefined
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
