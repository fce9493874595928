import type { Endpoint, RequestEvent } from '../event/event.ts'
import { endpointOfAuthority } from './authority.ts'
import { sizeOfChunk } from './message-facts.ts'
import { OutboundRequest } from './outbound-request.ts'
import {
  type DispatchHandler,
  type DispatchOptions,
  headerOf,
  type OldHandler,
  watchHandler,
  watchOldHandler,
} from './undici-handlers.ts'

export interface UndiciReporterOptions {
  /** Takes the events: a `Reporter`. */
  readonly reporter: { report(event: RequestEvent): void }
  /** Who sends the requests. */
  readonly workload: Endpoint
  /** What an authority (`cart-svc.shop:8080`) stands for. What its name says as Kubernetes' DNS has it, where it is left out. */
  readonly destination?: (authority: string) => Endpoint
}

/** What the interceptor gets and gives: undici's `dispatch`, which has other types in every version. */
export type Dispatch = (options: never, handler: never) => boolean

/**
 * An interceptor for undici's `dispatcher.compose(…)` that reports every request, outbound, when its response has ended or
 * it has failed. Node's own `fetch` goes through it too, when it is given the composed dispatcher.
 *
 * An interceptor that tries again, or redirects, reports each try where it is composed after this one, and the outcome where
 * it is composed before it.
 */
export function undiciReporter(options: UndiciReporterOptions): <D extends Dispatch>(dispatch: D) => D {
  return <D extends Dispatch>(dispatch: D): D => {
    const next = dispatch as unknown as (options: DispatchOptions, handler: object) => boolean
    const watched = (request: DispatchOptions, handler: DispatchHandler | OldHandler): boolean => {
      const watcher = new OutboundRequest(options.reporter, factsOf(request, options))
      const body = countedBody(request, watcher)
      const given = body === request.body ? request : { ...request, body }
      try {
        return next(
          given,
          'onRequestStart' in handler ? watchHandler(handler, watcher) : watchOldHandler(handler, watcher),
        )
      } catch (error) {
        watcher.failed(error)
        throw error
      }
    }
    return watched as unknown as D
  }
}

function factsOf(request: DispatchOptions, options: UndiciReporterOptions): OutboundRequest['facts'] {
  const { workload, destination = (name: string) => endpointOfAuthority(name, workload) } = options
  const origin = request.origin === undefined ? null : URL.parse(String(request.origin))
  const authority = headerOf(request.headers, 'host') ?? origin?.host
  const isTls = origin?.protocol === 'https:'
  const proxy = workload.pod ?? workload.name
  return {
    ...(proxy === undefined ? {} : { proxy }),
    source: workload,
    destination: authority === undefined ? {} : destination(authority),
    tls: isTls,
    method: request.method ?? 'GET',
    scheme: isTls ? 'https' : 'http',
    ...(authority === undefined ? {} : { authority }),
    path: request.path ?? '/',
    traceparent: headerOf(request.headers, 'traceparent'),
  }
}

/** Where a body is read piece by piece, one that counts them; a Node stream's length is what its header says. */
function countedBody({ body, headers }: DispatchOptions, watcher: OutboundRequest): unknown {
  if (typeof body === 'string' || body instanceof Uint8Array) watcher.requestBytes = sizeOfChunk(body)
  else if (isPlainIterable(body)) return counted(body, watcher)
  else watcher.requestBytes = Number(headerOf(headers, 'content-length') ?? 0) || 0
  return body
}

function isPlainIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body && !('pipe' in body)
}

async function* counted(body: AsyncIterable<unknown>, watcher: OutboundRequest): AsyncGenerator {
  let bytes = 0
  for await (const chunk of body) {
    bytes += sizeOfChunk(chunk)
    watcher.requestBytes = bytes
    yield chunk
  }
}
