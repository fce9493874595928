import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Dictionary } from '../../src/event/dictionary.ts'
import { decodeEventBatch } from '../../src/event/event-batch-decoder.ts'
import type { ConnectionEvent, MeshEvent, RequestEvent } from '../../src/event/event.ts'
import { EventColumns } from '../../src/event/event-columns.ts'
import { eventsOf } from '../../src/event/event-objects.ts'

export interface CapturedBatch {
  readonly producer: string
  readonly sequence: number
  readonly events: readonly MeshEvent[]
}

export function decodeBatch(bytes: Uint8Array): CapturedBatch {
  const columns = new EventColumns(new Dictionary())
  decodeEventBatch(bytes, columns)
  return { producer: columns.producer, sequence: columns.sequence, events: eventsOf(columns) }
}

/** A server that takes batches as meshtap's ingest does, and keeps their events. */
export class CapturingIngest implements AsyncDisposable {
  readonly batches: CapturedBatch[] = []
  readonly contentTypes = new Set<string | undefined>()
  readonly #waiting = new Set<() => void>()
  readonly #server = createServer((request, response) => void this.#take(request, response))

  static async start(): Promise<CapturingIngest> {
    const ingest = new CapturingIngest()
    await new Promise<void>((resolve) => ingest.#server.listen(0, '127.0.0.1', resolve))
    return ingest
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get requests(): readonly RequestEvent[] {
    return this.batches.flatMap(({ events }) => events.filter((event) => event.kind === 'request'))
  }

  get connections(): readonly ConnectionEvent[] {
    return this.batches.flatMap(({ events }) => events.filter((event) => event.kind === 'connection'))
  }

  /** The requests, as soon as there are that many. */
  async requestsOnce(count: number): Promise<readonly RequestEvent[]> {
    await this.#until(() => this.requests.length >= count)
    return this.requests
  }

  /** The connection events, as soon as they are as the predicate wants them. */
  async connectionsOnce(
    isEnough: (events: readonly ConnectionEvent[]) => boolean,
  ): Promise<readonly ConnectionEvent[]> {
    await this.#until(() => isEnough(this.connections))
    return this.connections
  }

  #until(isEnough: () => boolean): Promise<void> {
    if (isEnough()) return Promise.resolve()
    return new Promise((resolve) => {
      const check = (): void => {
        if (!isEnough()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.contentTypes.add(request.headers['content-type'])
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (request.url !== '/v1/events') {
      response.writeHead(404).end()
      return
    }
    this.batches.push(decodeBatch(Buffer.concat(chunks)))
    for (const check of this.#waiting) check()
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"accepted":1,"unknownFields":0}')
  }
}
