import { random } from '../test/random.ts'
import { BatchMaker } from './batch-maker.ts'
import { encodeEventBatch } from './encode-event-batch.ts'
import { encodeJson } from './encode-json.ts'
import { meshCalls } from './mesh.ts'
import {
  type LoadStats,
  type NumberedBatch,
  NumberedProducer,
  pause,
  type Send,
} from './numbered-producer.ts'
import { Truth } from './truth.ts'

/** How one kind of producer sends. */
export interface Route {
  readonly name: string
  readonly format: 'json' | 'batch'
  readonly send: Send
}

export interface LoadOptions {
  readonly seed: number
  /** Events a second, on average. */
  readonly rate: number
  readonly producersPerRoute: number
  readonly routes: readonly Route[]
  readonly onRefused: (error: unknown) => void
}

/** Calls that one producer reports, at most. */
const CALLS_A_PRODUCER = 40

/** After a time in which nothing could be sent, at most this many times the rate is sent until it is made up for. */
const CATCH_UP = 3

const TICK_MS = 20

/** Of one batch. */
const EVENTS = { json: 200, batch: 400 } as const

/** Producers on every way into meshtap, together at a steady rate as far as they are let; and the truth of them. */
export class Load {
  readonly truth = new Truth()
  readonly stats: LoadStats = { events: 0, batches: 0, retries: 0, duplicates: 0, reordered: 0 }
  readonly #options: LoadOptions
  readonly #producers: NumberedProducer[]
  #stopping = false
  #probes = 0
  #running: Promise<void> | undefined
  #begunMs = 0
  #endedMs = 0

  constructor(options: LoadOptions) {
    const { routes, producersPerRoute } = options
    this.#options = options
    const calls = meshCalls(options.seed)
    const startMs = Date.now()
    this.#producers = Array.from({ length: producersPerRoute }).flatMap((_, i) =>
      routes.map(({ name, format, send }, r) => {
        const next = random(options.seed * 1000 + i * routes.length + r)
        const own = calls.filter(() => next() < CALLS_A_PRODUCER / calls.length)
        const maker = new BatchMaker({ calls: own, next, now: Date.now, startMs })
        return new NumberedProducer({
          name: (life) => `${name}-${i}-${options.seed}.${life}`,
          eventsPerBatch: EVENTS[format],
          make: (events) => {
            const made = maker.make(events)
            for (const event of made) this.truth.add(event)
            return made
          },
          encode: format === 'json' ? (_producer, _sequence, events) => encodeJson(events) : encodeEventBatch,
          send,
          next,
          stats: this.stats,
          batchesPerLife: 150 + Math.floor(next() * 300),
          onRefused: options.onRefused,
        })
      }),
    )
  }

  /** One event under a number of its own, counted in the truth: to be sent until it is acknowledged. */
  probe(): NumberedBatch {
    const producer = `probe-${this.#options.seed}-${++this.#probes}`
    const calls = meshCalls(this.#options.seed)
    const maker = new BatchMaker({ calls, next: random(this.#probes), now: Date.now, startMs: Date.now() })
    const made = maker.make(1)
    for (const event of made) this.truth.add(event)
    return { producer, sequence: 1, body: encodeEventBatch(producer, 1, made) }
  }

  start(): void {
    this.#begunMs = Date.now()
    this.#running = this.#run()
  }

  /** Events a second since the start. */
  get rate(): number {
    return (1000 * this.stats.events) / ((this.#endedMs || Date.now()) - this.#begunMs)
  }

  /** Makes nothing further, and gives up what is not acknowledged: after a failure of the run itself. */
  async abandon(): Promise<void> {
    this.#stopping = true
    for (const producer of this.#producers) producer.abandon()
    await this.#running
  }

  /** Makes nothing further; resolves when everything is acknowledged. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#running
    this.#endedMs ||= Date.now()
    await Promise.all(this.#producers.map((producer) => producer.close()))
  }

  async #run(): Promise<void> {
    const { rate } = this.#options
    const most = (CATCH_UP * rate * TICK_MS) / 1000
    let turn = 0
    while (!this.#stopping) {
      const due = (rate * (Date.now() - this.#begunMs)) / 1000 - this.stats.events
      let left = Math.min(due, most)
      for (let skipped = 0; left > 0 && skipped < this.#producers.length; turn++) {
        const producer = this.#producers[turn % this.#producers.length]!
        if (producer.hasRoom) {
          left -= producer.sendNext()
          skipped = 0
        } else {
          skipped++
        }
      }
      await pause(TICK_MS)
    }
  }
}
