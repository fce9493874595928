import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from './exchange.ts'
import { forwardedHeaders, hopByHop, isChunked } from './message-headers.ts'
import type { ProxyLimits } from './proxy-limits.ts'
import type { Hop, Side } from './side.ts'

/** A request that is being forwarded, as the events of httpxy reach it. */
export interface Passage {
  /** The request to the upstream is made, and nothing of it sent. */
  send(upstreamRequest: ClientRequest): void
  /** The head of the response is here. Not called for a websocket. */
  respond(upstreamResponse: IncomingMessage): void
  /** It failed, before or during the response. */
  fail(error: Error): void
}

export interface PassageContext {
  readonly side: Side
  readonly limits: ProxyLimits
  readonly isClosing: () => boolean
  /** Called with each connection to an upstream that a request is sent on. */
  readonly onUpstreamSocket: (socket: Socket, hop: Hop) => void
}

/** Methods for which Node sends no framing where none is given. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'])

/**
 * Prepares `request.headers`, which httpxy makes the upstream's of, and returns what of the raw headers is not passed on.
 * `kept` are exempted.
 */
export function prepareHeaders(request: IncomingMessage, kept: readonly string[] = []): ReadonlySet<string> {
  const { headers, method = '' } = request
  const dropped = hopByHop(headers.connection)
  for (const name of dropped) if (!kept.includes(name)) delete headers[name]
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) {
    // No body follows, and Node would send a chunked one of no length.
    if (!BODILESS.has(method)) headers['content-length'] = '0'
  }
  return dropped
}

/** Gives the request to the upstream the path and headers that the client wrote: httpxy and Node change both a little. */
export function writeRequestHead(
  upstreamRequest: ClientRequest,
  request: IncomingMessage,
  exchange: Exchange,
  hop: Hop,
  dropped: ReadonlySet<string>,
): void {
  const { path, authority } = exchange.line
  upstreamRequest.path = path
  const hasTrailers = isChunked(request.headers['transfer-encoding'])
  for (const { name, lower, values } of forwardedHeaders(request.rawHeaders, dropped)) {
    if ((lower === 'trailer' && !hasTrailers) || (lower === 'te' && values.join() !== 'trailers')) {
      upstreamRequest.removeHeader(name)
    } else {
      upstreamRequest.setHeader(name, values.length === 1 ? values[0]! : values)
    }
  }
  if (authority !== undefined && authority !== request.headers.host) {
    upstreamRequest.setHeader('Host', authority)
  }
  if (hop.requestHeader !== undefined) upstreamRequest.setHeader(...hop.requestHeader)
}
