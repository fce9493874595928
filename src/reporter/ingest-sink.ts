import type { BatchSink, NumberedBatch, SinkAnswer } from './batch-sink.ts'
import { type Fetch, IngestClient, type IngestClientOptions } from './ingest-client.ts'

/** An ingest over HTTP. A batch's number is within its bytes. */
export class IngestSink implements BatchSink {
  readonly name: string
  readonly #client: IngestClient

  constructor(ingestUrl: string, fetch: Fetch, options: IngestClientOptions) {
    this.#client = new IngestClient(ingestUrl, fetch, options)
    this.name = this.#client.url
  }

  send({ bytes }: NumberedBatch, signal: AbortSignal): Promise<SinkAnswer> {
    return this.#client.post(bytes, signal)
  }
}
