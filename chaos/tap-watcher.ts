import type { TapAnswer } from '../src/query/answer.ts'
import { pause } from './numbered-producer.ts'
import type { Verdict } from './verdict.ts'

const QUERY = 'namespace=shop&max_rps=50'
const AGAIN_MS = 500
/** A frame comes at least every second, unless the gateway is down or has lost its network. */
const SILENCE_MS = 20_000

export interface TapCounts {
  /** Times that a tap was opened. */
  sessions: number
  frames: number
  events: number
}

/** A tap that is opened again whenever it ends. What its frames say must agree with each other and with what they hold. */
export class TapWatcher {
  readonly counts: TapCounts = { sessions: 0, frames: 0, events: 0 }
  readonly #url: string
  readonly #verdict: Verdict
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined

  constructor(gatewayUrl: string, verdict: Verdict) {
    this.#url = `${gatewayUrl}/api/v1/tap?${QUERY}`
    this.#verdict = verdict
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (; !signal.aborted; await pause(AGAIN_MS)) {
      const silence = new AbortController()
      const timer = setTimeout(() => silence.abort(), SILENCE_MS)
      try {
        const response = await fetch(this.#url, { signal: AbortSignal.any([signal, silence.signal]) })
        if (response.status !== 200 || response.body === null) {
          const body = await response.text()
          if (response.status !== 503)
            this.#verdict.differ(`a tap was answered ${response.status}: ${body.slice(0, 300)}`)
          continue
        }
        this.counts.sessions++
        const check = this.#session()
        let rest = ''
        for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
          timer.refresh()
          const lines = (rest + text).split('\n')
          rest = lines.pop()!
          for (const line of lines) check(JSON.parse(line) as TapAnswer)
        }
      } catch {
        // The gateway went, or nothing came for long, or the run is over.
      } finally {
        clearTimeout(timer)
      }
    }
  }

  /** Checks the frames of one session, one after the other. */
  #session(): (frame: TapAnswer) => void {
    let last: TapAnswer = { events: [], seen: 0, matched: 0, sent: 0, dropped: 0, sampledOut: 0 }
    let received = 0
    return (frame) => {
      this.counts.frames++
      this.counts.events += frame.events.length
      received += frame.events.length
      const { seen, matched, sent, dropped, sampledOut } = frame
      const faults = [
        seen < matched && 'more matched than seen',
        sent + dropped + sampledOut > matched && 'more sent, dropped and sampled out than matched',
        sent !== received && `sent is not the ${received} events that came`,
        (seen < last.seen || matched < last.matched || sent < last.sent) && 'counts went back',
        frame.events.some((event) => !isInShop(event)) && 'an event is not what was asked for',
      ].filter((fault) => fault !== false)
      for (const fault of faults) {
        this.#verdict.differ(`tap: ${fault}: ${JSON.stringify({ ...frame, events: frame.events.length })}`)
      }
      last = frame
    }
  }
}

function isInShop({ source, destination }: TapAnswer['events'][number]): boolean {
  return [source, destination].some(
    (end) => (end as { namespace?: string } | undefined)?.namespace === 'shop',
  )
}
