import { HttpProblem } from '../http/problem.ts'
import * as timers from '../tap/timers.ts'
import type { FrameStream } from './frame-stream.ts'
import { type AskLive, type LiveProblem, LiveQuestion } from './live-question.ts'

/** Time between two answers to a question. */
export const LIVE_PERIOD_MS = 1000

export interface LiveLimits {
  /** Different questions at a time: each is answered every second. */
  readonly questions: number
  readonly clients: number
}

export const DEFAULT_LIVE_LIMITS: LiveLimits = { questions: 100, clients: 2000 }

export interface LiveQuestionsOptions {
  readonly limits?: Partial<LiveLimits>
  /** What to tell clients of a failure. */
  readonly problemOf: (error: unknown) => LiveProblem
  readonly every?: timers.Every
}

/** Counts since the start, but for `questions` and `clients`, which are as of now. */
export interface LiveStats {
  readonly questions: number
  readonly clients: number
  readonly answers: number
  /** Seconds in which no question was answered anew, because the answers of the one before took that long. */
  readonly late: number
  /** Answers that were not sent because their clients were slow: these were sent a later one, whole. */
  readonly skipped: number
}

interface Open {
  readonly question: LiveQuestion
  readonly begun: Promise<void>
  readonly clients: Set<LiveClient>
  /** Clients, and callers of `open` that wait for the first answer. */
  users: number
}

/**
 * Answers questions every second for as long as somebody looks: equal ones once, one after the other. Nothing is queued for
 * a client: one that takes a message later than the next is there, is sent the whole answer as it is then.
 */
export class LiveQuestions {
  readonly #options: LiveQuestionsOptions
  readonly #limits: LiveLimits
  readonly #open = new Map<string, Open>()
  #clients = 0
  #counts = { answers: 0, late: 0, skipped: 0 }
  #isAsking = false
  #isClosed = false
  #cancelTicks: (() => void) | undefined

  constructor(options: LiveQuestionsOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIVE_LIMITS, ...options.limits }
  }

  get stats(): LiveStats {
    return { questions: this.#open.size, clients: this.#clients, ...this.#counts }
  }

  /**
   * A stream of messages. Questions with the same key are the same. Rejects where there are too many, and with what the first
   * answer failed with.
   */
  async open(key: string, ask: AskLive): Promise<FrameStream> {
    if (this.#isClosed)
      throw new HttpProblem(503, 'CLOSING', 'the server is closing; ask another one, or again in a moment')
    const { clients, questions } = this.#limits
    if (this.#clients >= clients) {
      throw tooMany(`${clients} live answers are open here, as many as are allowed at a time`)
    }
    let open = this.#open.get(key)
    if (open === undefined) {
      if (this.#open.size >= questions) {
        throw tooMany(
          `${questions} different live questions are asked here, as many as are allowed at a time`,
        )
      }
      const question = new LiveQuestion(ask, this.#options.problemOf)
      open = { question, begun: question.begin(), clients: new Set(), users: 0 }
      this.#open.set(key, open)
      this.#counts.answers++
    }
    open.users++
    this.#clients++
    try {
      await open.begun
    } catch (error) {
      this.#leave(key, open)
      throw error
    }
    this.#cancelTicks ??= (this.#options.every ?? timers.every)(LIVE_PERIOD_MS, () => void this.tick())
    const found = open
    const client = new LiveClient(found.question, {
      onSkip: (answers) => (this.#counts.skipped += answers),
      onClose: () => {
        found.clients.delete(client)
        this.#leave(key, found)
      },
    })
    found.clients.add(client)
    if (this.#isClosed) await client.close()
    return client
  }

  /** Answers every question anew. Called each second. */
  async tick(): Promise<void> {
    if (this.#isAsking) {
      this.#counts.late++
      return
    }
    this.#isAsking = true
    try {
      for (const { question, clients } of this.#open.values()) {
        if (clients.size === 0) continue
        await question.ask()
        this.#counts.answers++
        for (const client of clients) client.wake()
      }
    } finally {
      this.#isAsking = false
    }
  }

  /** Ends all streams. */
  close(): void {
    this.#isClosed = true
    for (const { clients } of this.#open.values()) for (const client of clients) void client.close()
  }

  #leave(key: string, open: Open): void {
    this.#clients--
    open.users--
    if (open.users > 0) return
    if (this.#open.get(key) === open) this.#open.delete(key)
    if (this.#open.size > 0) return
    this.#cancelTicks?.()
    this.#cancelTicks = undefined
  }
}

interface LiveClientEvents {
  readonly onSkip: (answers: number) => void
  readonly onClose: () => void
}

class LiveClient implements FrameStream {
  readonly #question: LiveQuestion
  readonly #on: LiveClientEvents
  /** Number of the last message that it was given. */
  #told = 0
  #isClosed = false
  #waiting: ((frame: string | undefined) => void) | undefined

  constructor(question: LiveQuestion, on: LiveClientEvents) {
    this.#question = question
    this.#on = on
  }

  async next(): Promise<string | undefined> {
    if (this.#isClosed) return undefined
    if (this.#told < this.#question.sequence) return this.#take()
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  wake(): void {
    const resolve = this.#waiting
    this.#waiting = undefined
    resolve?.(this.#take())
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting?.(undefined)
    this.#waiting = undefined
    this.#on.onClose()
  }

  #take(): string {
    const { sequence } = this.#question
    const before = this.#told
    this.#told = sequence
    if (before === sequence - 1 && before > 0) return this.#question.step
    if (before > 0) this.#on.onSkip(sequence - 1 - before)
    return this.#question.whole
  }
}

function tooMany(detail: string): HttpProblem {
  return new HttpProblem(429, 'LIVE_LIMIT', detail, { retryAfterSeconds: 5 })
}
