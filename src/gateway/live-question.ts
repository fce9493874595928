import { type AnswerAlive, rowKey } from '../query/live-answer.ts'

/** Answers a question anew. */
export type AskLive = () => Promise<AnswerAlive>

/** A failure as clients are told of it. */
export interface LiveProblem {
  readonly code: string
  readonly detail: string
}

/**
 * A question that is answered again and again, for all who look at it: the last answer, and what the last time changed,
 * each written as JSON once, whoever it goes to.
 */
export class LiveQuestion {
  readonly #ask: AskLive
  readonly #problemOf: (error: unknown) => LiveProblem
  #sequence = 0
  /** Each row as JSON, by its key as JSON. */
  #rows = new Map<string, string>()
  /** The answer without its rows, as JSON. */
  #rest = ''
  #whole: string | undefined
  #step = ''

  constructor(ask: AskLive, problemOf: (error: unknown) => LiveProblem) {
    this.#ask = ask
    this.#problemOf = problemOf
  }

  /** Of the last message; 0 while there is none. */
  get sequence(): number {
    return this.#sequence
  }

  /** The last message, which goes on from the one before. */
  get step(): string {
    return this.#step
  }

  /** All of the last answer, under the number of the last message. */
  get whole(): string {
    return (this.#whole ??=
      `{"sequence":${this.#sequence},"kind":"whole","answer":` +
      `${this.#rest.slice(0, -1)},"rows":[${[...this.#rows.values()].join(',')}]}}`)
  }

  /** Answers for the first time. Rejects where it fails. */
  async begin(): Promise<void> {
    this.#take(await this.#ask())
  }

  async ask(): Promise<void> {
    try {
      this.#take(await this.#ask())
    } catch (error) {
      const problem = this.#problemOf(error)
      this.#set(`"kind":"failure","problem":${JSON.stringify(problem)}`)
    }
  }

  #take({ rows, ...rest }: AnswerAlive): void {
    const before = this.#rows
    const now = new Map<string, string>()
    const changed: string[] = []
    for (const row of rows) {
      const key = JSON.stringify(rowKey(row))
      const json = JSON.stringify(row)
      now.set(key, json)
      if (before.get(key) !== json) changed.push(json)
    }
    const removed = [...before.keys()].filter((key) => !now.has(key))
    this.#rows = now
    this.#rest = JSON.stringify(rest)
    this.#set(
      `"kind":"change","answer":${this.#rest},"changed":[${changed.join(',')}],"removed":[${removed.join(',')}]`,
    )
  }

  #set(step: string): void {
    this.#sequence++
    this.#step = `{"sequence":${this.#sequence},${step}}`
    this.#whole = undefined
  }
}
