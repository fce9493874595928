import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { toJson } from '../event/otlp-reference.ts'

export interface CollectedSpan {
  readonly service: unknown
  readonly resource: Readonly<Record<string, unknown>>
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** Of protobuf: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  readonly attributes: Readonly<Record<string, unknown>>
  /** Span ids. */
  readonly links: readonly string[]
  readonly isFailed: boolean
}

/** A receiver of OTLP/HTTP that decodes what it is sent by a library of others. */
export class Collector {
  readonly url: string
  readonly spans: CollectedSpan[] = []
  /** What requests said of their own traces. */
  readonly traceparents = new Set<string | undefined>()

  private constructor(url: string) {
    this.url = url
  }

  static async start(t: Test): Promise<Collector> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      if (request.url !== '/v1/traces') {
        response.writeHead(404).end()
        return
      }
      collector.traceparents.add(request.headers['traceparent'] as string | undefined)
      collector.spans.push(...spansOf(Buffer.concat(chunks)))
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const collector = new Collector(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    return collector
  }

  /** Resolves to what `find` finds, once it finds something. Rejects after 30 s, with what there is. */
  async until<T>(find: (spans: readonly CollectedSpan[]) => T | undefined): Promise<T> {
    const deadline = Date.now() + 30_000
    for (;;) {
      const found = find(this.spans)
      if (found !== undefined) return found
      if (Date.now() > deadline) throw new Error(`not among these spans: ${JSON.stringify(this.spans)}`)
      await sleep(50)
    }
  }
}

function spansOf(bytes: Uint8Array): CollectedSpan[] {
  return toJson(bytes).resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        service: valuesOf(resource?.attributes)['service.name'],
        resource: valuesOf(resource?.attributes),
        traceId: span.traceId!,
        spanId: span.spanId!,
        parentSpanId: span.parentSpanId,
        name: span.name!,
        kind: Number(span.kind),
        attributes: valuesOf(span.attributes),
        links: (span.links ?? []).map((link) =>
          Buffer.from((link as { spanId: string }).spanId, 'base64').toString('hex'),
        ),
        isFailed: span.status?.code === 2,
      })),
    ),
  )
}

function valuesOf(attributes: readonly { key: string; value: object }[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
