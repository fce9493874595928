import { LogError } from '../event-log.ts'
import type { PendingAppend, QueuedRecord } from './partition-queue.ts'

/** How often it is looked for appends whose time is over. */
const EXPIRY_MS = 100
/** Why an append is not acknowledged, where nothing has failed since one was. */
const NO_ANSWER = 'no broker has answered'

export interface AppendLimits {
  /** After this an append that is not acknowledged rejects. */
  readonly appendTimeoutMs: number
  /** Of records that wait to be acknowledged; appends beyond that are refused. */
  readonly maxQueuedBytes: number
}

export interface AppendStats {
  readonly appends: number
  readonly appendedRecords: number
  readonly appendedBytes: number
  readonly queuedBytes: number
}

/** The appends that wait to be acknowledged: so much of them, and each for so long. */
export class PendingAppends {
  readonly #limits: AppendLimits
  readonly #onExpired: () => void
  /** In the order of their calls, which is that of their time. */
  readonly #appends = new Set<PendingAppend>()
  #expiryTimer: NodeJS.Timeout | undefined
  #drained: (() => void)[] = []
  #failure = NO_ANSWER
  #stats = { appends: 0, appendedRecords: 0, appendedBytes: 0, queuedBytes: 0 }

  /** `onExpired` is called when some were rejected because their time is over. */
  constructor({ appendTimeoutMs, maxQueuedBytes }: AppendLimits, onExpired: () => void) {
    this.#limits = { appendTimeoutMs, maxQueuedBytes }
    this.#onExpired = onExpired
  }

  get stats(): AppendStats {
    return this.#stats
  }

  /**
   * Of `bytes` in so many records; `acknowledged` is as the append is settled.
   *
   * @throws LogError LOG_UNAVAILABLE where too much waits already
   */
  add(topic: string, bytes: number, records: number): { append: PendingAppend; acknowledged: Promise<void> } {
    const { queuedBytes } = this.#stats
    const { maxQueuedBytes, appendTimeoutMs } = this.#limits
    if (queuedBytes > 0 && queuedBytes + bytes > maxQueuedBytes) {
      const message = `cannot append ${bytes} bytes to ${topic}: ${queuedBytes} of at most ${maxQueuedBytes} wait to be acknowledged`
      throw new LogError('LOG_UNAVAILABLE', message)
    }
    const { promise: acknowledged, resolve, reject } = Promise.withResolvers<void>()
    const untilMs = performance.now() + appendTimeoutMs
    const append: PendingAppend = { topic, bytes, untilMs, left: records, isSettled: false, resolve, reject }
    this.#appends.add(append)
    this.#stats.queuedBytes += bytes
    this.#expiryTimer ??= setTimeout(() => this.#expire(), EXPIRY_MS)
    return { append, acknowledged }
  }

  /** Notes what those are told whose time is over before anything is acknowledged. */
  failed(error: unknown): void {
    this.#failure = error instanceof Error ? error.message : String(error)
  }

  /** Records are acknowledged, and the appends of which they were the last. */
  acknowledged(records: readonly QueuedRecord[]): void {
    this.#failure = NO_ANSWER
    for (const { append, record } of records) {
      this.#stats.appendedRecords++
      this.#stats.appendedBytes += record.bytes
      if (--append.left === 0) this.#settle(append)
    }
  }

  reject(append: PendingAppend, error: Error): void {
    this.#settle(append, error)
  }

  rejectAll(records: readonly QueuedRecord[], error: Error): void {
    for (const { append } of records) this.#settle(append, error)
  }

  /** Resolves when nothing waits, or rejects what still does after a time. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#appends.size > 0) {
      const drained = new Promise<void>((resolve) => this.#drained.push(resolve))
      const timer = setTimeout(() => this.#expire(true), timeoutMs)
      await drained
      clearTimeout(timer)
    }
    clearTimeout(this.#expiryTimer)
  }

  #settle(append: PendingAppend, error?: Error): void {
    if (append.isSettled) return
    append.isSettled = true
    this.#appends.delete(append)
    this.#stats.queuedBytes -= append.bytes
    if (error === undefined) {
      this.#stats.appends++
      append.resolve()
    } else append.reject(error)
    if (this.#appends.size > 0) return
    for (const drained of this.#drained.splice(0)) drained()
  }

  #expire(all = false): void {
    this.#expiryTimer = undefined
    const now = performance.now()
    const { appendTimeoutMs } = this.#limits
    let isAnyOver = false
    for (const append of this.#appends) {
      if (!all && append.untilMs > now) break
      isAnyOver = true
      // Less than its time where a stop cuts it short.
      const waitedMs = Math.min(appendTimeoutMs, appendTimeoutMs + now - append.untilMs)
      const message = `${append.topic} did not acknowledge ${append.bytes} bytes within ${(waitedMs / 1000).toFixed(1)} s: ${this.#failure}`
      this.#settle(append, new LogError('LOG_UNAVAILABLE', message))
    }
    if (isAnyOver) this.#onExpired()
    if (this.#appends.size > 0) this.#expiryTimer = setTimeout(() => this.#expire(), EXPIRY_MS)
  }
}
