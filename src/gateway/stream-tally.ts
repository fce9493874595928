/** What is streamed: the events of a tap, or answers to a question. */
export type StreamKind = 'tap' | 'live'

/** A message each, or a line each. */
export type Transport = 'websocket' | 'ndjson'

/** How many clients are being streamed to. */
export class StreamTally {
  readonly #open: Record<StreamKind, Record<Transport, number>> = {
    tap: { websocket: 0, ndjson: 0 },
    live: { websocket: 0, ndjson: 0 },
  }

  get open(): Readonly<Record<StreamKind, Readonly<Record<Transport, number>>>> {
    return this.#open
  }

  /** Counts a client until its stream ends. */
  async during(kind: StreamKind, transport: Transport, stream: Promise<void>): Promise<void> {
    const clients = this.#open[kind]
    clients[transport]++
    try {
      await stream
    } finally {
      clients[transport]--
    }
  }
}
