import type { BatchSink, NumberedBatch, SinkAnswer } from '../../src/reporter/batch-sink.ts'
import { decodeBatch } from './capturing-ingest.ts'

/** A sink that is away, or hangs, until told otherwise, and keeps what it accepted. */
export class ScriptedSink implements BatchSink {
  readonly name = 'the sink'
  state: 'up' | 'away' | 'hanging'
  readonly accepted: NumberedBatch[] = []
  tries = 0
  isClosed = false

  constructor(state: 'up' | 'away' | 'hanging') {
    this.state = state
  }

  async send(batch: NumberedBatch): Promise<SinkAnswer> {
    this.tries++
    switch (this.state) {
      case 'away':
        return { kind: 'unavailable', why: 'away' }
      case 'hanging':
        return new Promise(() => undefined)
      case 'up':
        this.accepted.push(batch)
        return { kind: 'accepted' }
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
  }

  /** Paths of the requests that were accepted, in order. */
  get paths(): string[] {
    return this.accepted.flatMap(({ bytes }) =>
      decodeBatch(bytes).events.map((event) => (event.kind === 'request' ? event.path! : '')),
    )
  }
}
