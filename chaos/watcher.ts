import type { StatAnswer } from '../src/query/answer.ts'
import { pause } from './numbered-producer.ts'
import type { Truth } from './truth.ts'
import type { Verdict } from './verdict.ts'

const EVERY_MS = 500
const PATIENCE_MS = 15_000

export interface WatcherCounts {
  /** Answers with rows or without. */
  answers: number
  /** Answers of 503, which say why. */
  unavailable: number
  /** Asked for and not answered: the gateway was down. */
  silent: number
}

/**
 * Asks the gateway all the time, as a dashboard does, whatever goes on: it must answer, or say why it does not, and it
 * must never have counted more than there is.
 */
export class Watcher {
  readonly counts: WatcherCounts = { answers: 0, unavailable: 0, silent: 0 }
  readonly #url: string
  readonly #truth: Truth
  readonly #verdict: Verdict
  #running: Promise<void> | undefined
  #stopping = false

  constructor(gatewayUrl: string, truth: Truth, verdict: Verdict) {
    this.#url = `${gatewayUrl}/api/v1/stat?resource=cluster&window=7d`
    this.#truth = truth
    this.#verdict = verdict
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
  }

  async #run(): Promise<void> {
    for (; !this.#stopping; await pause(EVERY_MS)) {
      let status: number
      let text: string
      try {
        const response = await fetch(this.#url, { signal: AbortSignal.timeout(PATIENCE_MS) })
        status = response.status
        text = await response.text()
      } catch {
        this.counts.silent++
        continue
      }
      if (status === 200) this.#check(JSON.parse(text) as StatAnswer)
      else if (status === 503 && text.includes('"detail"')) this.counts.unavailable++
      else this.#verdict.differ(`the gateway answered ${status} while asked: ${text.slice(0, 300)}`)
    }
  }

  #check({ rows }: StatAnswer): void {
    this.counts.answers++
    const requests = rows.reduce((sum, row) => sum + row.requests, 0)
    const { inbound } = this.#truth
    if (requests > inbound)
      this.#verdict.differ(`an answer counted ${requests} requests when there were ${inbound}`)
  }
}
