import { Buffer } from 'node:buffer'
import type { EventPlace } from '../tap/tap-bus.ts'

/** A live event, as JSON, and the record that it is of. */
export interface LiveEvent {
  readonly json: string
  readonly place: EventPlace | undefined
}

/**
 * Holds a session's live events back until it is known which of them its replay has shown; from then on lets the others
 * through. Those that it has shown may come much later: workers may be behind, and samplers wait.
 */
export class LiveGate {
  readonly #maxBytes: number
  #events: LiveEvent[] = []
  #bytes = 0
  #refused = 0
  /** Once the gate is open: the offset after what was replayed, by partition. */
  #reached: ReadonlyMap<string, number> | undefined

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Events that there was no room for since the last `reset`. */
  get refused(): number {
    return this.#refused
  }

  get isOpen(): boolean {
    return this.#reached !== undefined
  }

  /** Of an open gate: the events that were not replayed; the same array where that is all of them. */
  passing(events: readonly LiveEvent[]): readonly LiveEvent[] {
    return events.every((event) => this.#isAfter(event))
      ? events
      : events.filter((event) => this.#isAfter(event))
  }

  /** Of a closed gate. */
  hold(events: readonly LiveEvent[]): void {
    for (const event of events) {
      const bytes = Buffer.byteLength(event.json) + 64
      if (this.#bytes + bytes > this.#maxBytes) {
        this.#refused++
        continue
      }
      this.#events.push(event)
      this.#bytes += bytes
    }
  }

  /** Forgets all: what was heard until now, the log has. */
  reset(): void {
    this.#events = []
    this.#bytes = 0
    this.#refused = 0
  }

  /** Opens. Answers the events that waited and come after what was replayed: `reached` is the offset after that, by partition. */
  open(reached: ReadonlyMap<string, number>): readonly LiveEvent[] {
    this.#reached = new Map(reached)
    const after = this.passing(this.#events)
    this.reset()
    return after
  }

  #isAfter({ place }: LiveEvent): boolean {
    return place === undefined || place.offset >= (this.#reached?.get(place.partition) ?? 0)
  }
}
