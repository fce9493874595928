import { LogError } from '../log/event-log.ts'
import { StoreError } from '../store/rollup-store.ts'
import { TapBusError } from '../tap/tap-bus.ts'
import type { Trouble } from '../telemetry/trouble-log.ts'

const FIRST_WAIT_MS = 100
const MAX_WAIT_MS = 3_000

interface Closable {
  close(): Promise<void>
}

export interface OpeningOptions<T> {
  /** What is waited for, in words for people. */
  readonly what: string
  readonly open: () => Promise<T>
  readonly onTrouble: (trouble: Trouble) => void
  /** Told of what cannot be tried again. */
  readonly onFatal: (error: unknown) => void
}

/** Opens a port's adapter however long its server is away: a role starts before what it needs, and waits for it. */
export class Opening<T extends Closable> {
  readonly #options: OpeningOptions<T>
  readonly #givenUp = new AbortController()
  readonly #opened = Promise.withResolvers<T | undefined>()
  #current: T | undefined
  #reason: string

  constructor(options: OpeningOptions<T>) {
    this.#options = options
    this.#reason = `${options.what} is being connected to`
    this.#givenUp.signal.addEventListener('abort', () => this.#opened.resolve(undefined))
    void this.#run()
  }

  /** The adapter, once there is one. */
  get current(): T | undefined {
    return this.#current
  }

  /** Why there is none yet. */
  get reason(): string {
    return this.#reason
  }

  /** Resolves once there is one, or with undefined when it is given up before. */
  get opened(): Promise<T | undefined> {
    return this.#opened.promise
  }

  /** Aborted when nothing is to be waited for any longer. */
  get signal(): AbortSignal {
    return this.#givenUp.signal
  }

  /** Stops trying. What was opened stays open. */
  giveUp(): void {
    this.#givenUp.abort()
  }

  /** Stops trying, and closes what was opened. Idempotent. */
  async close(): Promise<void> {
    this.giveUp()
    await this.#current?.close()
  }

  async #run(): Promise<void> {
    const { open, onTrouble, onFatal } = this.#options
    try {
      const adapter = await persist(open, {
        signal: this.signal,
        onTrouble: (message) => {
          this.#reason = message
          onTrouble({ kind: 'open', message })
        },
      })
      if (adapter === undefined) return
      if (this.signal.aborted) await adapter.close()
      else {
        this.#current = adapter
        this.#opened.resolve(adapter)
      }
    } catch (error) {
      onFatal(error)
    }
  }
}

/** Tries until it succeeds, fails for good, or is told to stop: then it answers undefined. */
export async function persist<T>(
  attempt: () => Promise<T>,
  options: { readonly signal: AbortSignal; readonly onTrouble: (message: string) => void },
): Promise<T | undefined> {
  const { signal, onTrouble } = options
  for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(2 * wait, MAX_WAIT_MS)) {
    try {
      return await attempt()
    } catch (error) {
      if (signal.aborted) return undefined
      if (!isPassing(error)) throw error
      onTrouble(error.message)
      await pause(wait, signal)
    }
  }
  return undefined
}

/** Whether it may go better a moment later. */
function isPassing(error: unknown): error is Error {
  return (
    (error instanceof LogError && error.code === 'LOG_UNAVAILABLE') ||
    (error instanceof StoreError && error.code === 'STORE_UNAVAILABLE') ||
    (error instanceof TapBusError && error.code === 'TAP_BUS_UNAVAILABLE')
  )
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
