import { setImmediate } from 'node:timers/promises'
import { LogError, type PartitionHandler, type RecordBatch } from '../event-log.ts'
import { logError } from './log-file.ts'
import type { LogPartition } from './log-partition.ts'
import type { Timer } from './timer.ts'

/** First and longest wait before a batch is given anew to a handler that rejected it. */
const MIN_RETRY_MS = 100
const MAX_RETRY_MS = 10_000

export interface LoopOptions {
  readonly handler: PartitionHandler
  readonly read: (partition: LogPartition, offset: number) => RecordBatch | undefined
  readonly timer: Timer
  /** Told of what failed and is tried again. */
  readonly onError: (error: unknown) => void
}

/** Reads one partition to a handler, batch after batch, until it is closed. */
export class PartitionLoop {
  readonly partition: LogPartition
  readonly #options: LoopOptions
  readonly #unlisten: () => void
  readonly #done: Promise<void>
  #offset: number | undefined
  #isSought = false
  #isClosed = false
  #isAssigned = false
  #retryMs = MIN_RETRY_MS
  #wake: (() => void) | undefined

  constructor(partition: LogPartition, options: LoopOptions) {
    this.partition = partition
    this.#options = options
    this.#unlisten = partition.listen(() => this.#wakeUp())
    this.#done = this.#run()
  }

  seek(offset: number): void {
    this.#offset = checkedOffset(offset)
    this.#isSought = true
    this.#wakeUp()
  }

  /** Resolves when the handler has given the partition back. Not to be awaited by the handler's own calls. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#unlisten()
    this.#wakeUp()
    await this.#done
  }

  async #run(): Promise<void> {
    // The subscription reaches its owner before its first call does.
    await setImmediate()
    while (!this.#isClosed) {
      try {
        if (this.#isAssigned) await this.#step()
        else await this.#assign()
        this.#retryMs = MIN_RETRY_MS
        // Other work of the process has its turn between two batches.
        await setImmediate()
      } catch (error) {
        this.#options.onError(error)
        await this.#pause()
      }
    }
    if (!this.#isAssigned) return
    try {
      await this.#options.handler.revoked(this.partition.id)
    } catch (error) {
      this.#options.onError(error)
    }
  }

  async #assign(): Promise<void> {
    const offset = checkedOffset(await this.#options.handler.assigned(this.partition.id))
    this.#isAssigned = true
    const { id, endOffset } = this.partition
    if (offset > endOffset) {
      const message = `${id} ends at offset ${endOffset} but is read from ${offset}: the log lost records, or is not the one that was read before`
      this.#options.onError(new LogError('LOG_CORRUPT', message))
    }
    if (!this.#isSought) this.#offset = offset
  }

  async #step(): Promise<void> {
    this.#isSought = false
    let batch: RecordBatch | undefined
    try {
      batch = this.#options.read(this.partition, this.#offset!)
    } catch (error) {
      throw await logError(`cannot read ${this.partition.id}`, error)
    }
    // Begins to wait in the same turn: an append, seek or close in between would be missed.
    if (batch === undefined) return this.#change()
    const next = checkedOffset(await this.#options.handler.records(batch))
    if (!this.#isSought) this.#offset = next
  }

  /** Resolves at the next append, seek or close. */
  #change(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  async #pause(): Promise<void> {
    if (this.#isClosed) return
    const ms = this.#retryMs
    this.#retryMs = Math.min(2 * ms, MAX_RETRY_MS)
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.timer(ms, resolve)
    this.#wake = () => {
      if (this.#isClosed || this.#isSought) resolve()
    }
    await promise
    cancel()
    this.#wake = undefined
  }

  #wakeUp(): void {
    this.#wake?.()
  }
}

function checkedOffset(offset: number): number {
  if (Number.isSafeInteger(offset) && offset >= 0) return offset
  throw new RangeError(`an offset is a whole number of 0 or more, not ${offset}`)
}
