import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2Stream } from 'node:http2'
import type { FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { Endpoint, Header, RequestEvent } from '../event/event.ts'
import { microsSince, sizeOfChunk, traceIdOf } from './message-facts.ts'

export interface FastifyReporterOptions {
  /** Takes the events: a `Reporter`. */
  readonly reporter: { report(event: RequestEvent): void }
  /** What the server is: namespace, kind, name, pod, service, as far as they are known. */
  readonly workload: Endpoint
  /** Who sent a request. Its address, where it is left out. Not the port, which makes every connection a source of its own. */
  readonly source?: (request: FastifyRequest) => Endpoint | undefined
  /** Names of headers to report with each request. What they hold can be read by everyone who may tap. */
  readonly headers?: readonly string[]
}

/**
 * A Fastify plugin that reports every request, inbound, when its response has ended. It applies to the instance that it is
 * registered with, as what `fastify-plugin` wraps does; register it before routes and other plugins, so that it sees
 * requests first. Requests that become websockets are not reported.
 */
export const fastifyReporter: FastifyPluginCallback<FastifyReporterOptions> = (fastify, options, done) => {
  const headers = (options.headers ?? []).map((name) => name.toLowerCase())
  fastify.addHook('onRequest', (request, reply, next) => {
    watch(options, headers, request, reply)
    next()
  })
  done()
}

// What `fastify-plugin` sets: no scope of its own, and a name.
Object.assign(fastifyReporter, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'meshtap-reporter',
})

/** Why a response did not end: the client left, or this side gave up. */
type RequestCut = 'client-abort' | 'server-reset'

function watch(
  { reporter, workload, source }: FastifyReporterOptions,
  headers: readonly string[],
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const startMs = performance.now()
  const { raw } = request
  const response = reply.raw
  const received = countReceived(raw)
  const sent = countSent(response)
  const cut = cutOf(raw, response)
  const isTls = 'encrypted' in raw.socket && raw.socket.encrypted === true
  const peer = source === undefined ? addressOf(raw) : undefined
  response.once('close', () => {
    if ('ws' in request && request.ws) return
    const reason = cut()
    const status = response.headersSent ? response.statusCode : undefined
    const from = source === undefined ? peer : source(request)
    const proxy = workload.pod ?? workload.name
    const route = request.routeOptions.url
    const authority = raw.headers.host ?? textOf(raw.headers[':authority'])
    const traceId = traceIdOf(raw.headers['traceparent'])
    const requestHeaders = captured(headers, (name) => raw.headers[name])
    const responseHeaders = captured(headers, (name) => reply.getHeader(name))
    reporter.report({
      kind: 'request',
      timeMs: Date.now(),
      direction: 'inbound',
      ...(proxy === undefined ? {} : { proxy }),
      ...(from === undefined ? {} : { source: from }),
      destination: workload,
      tls: isTls,
      ...(raw.method === undefined ? {} : { method: raw.method }),
      scheme: isTls ? 'https' : 'http',
      ...(authority === undefined ? {} : { authority }),
      ...(route === undefined ? {} : { route }),
      path: request.originalUrl,
      ...(status === undefined ? {} : { status }),
      ...(reason === undefined ? {} : { reset: true, reason }),
      latencyMicros: microsSince(startMs),
      requestBytes: received(),
      responseBytes: sent(),
      ...(traceId === undefined ? {} : { traceId }),
      ...(requestHeaders.length === 0 ? {} : { requestHeaders }),
      ...(responseHeaders.length === 0 ? {} : { responseHeaders }),
    })
  })
}

/** Tells, once a response is over, whether it was cut off and by whom. What is over has no socket any more: it is kept. */
function cutOf(request: IncomingMessage, response: ServerResponse): () => RequestCut | undefined {
  const { socket } = request
  const stream = 'stream' in response ? (response.stream as Http2Stream) : undefined
  return () => {
    if (stream !== undefined) {
      return stream.aborted ? (stream.rstCode === 0 ? 'server-reset' : 'client-abort') : undefined
    }
    if (response.writableFinished) return undefined
    // A client that leaves ends, or breaks, the connection; where this side does, it is just gone.
    return socket.readableEnded || socket.errored ? 'client-abort' : 'server-reset'
  }
}

/** Counts a request's body: as long as it says, or, where it does not or is cut off, what came of it. */
function countReceived(request: IncomingMessage): () => number {
  const { headers } = request
  const declared = Number(headers['content-length'] ?? Number.NaN)
  const isWithout = request.httpVersionMajor === 1 && headers['transfer-encoding'] === undefined
  if (declared === 0 || (Number.isNaN(declared) && isWithout)) return () => 0
  let bytes = 0
  // A listener of `data` would set the stream going before anyone reads it.
  const push = request.push.bind(request)
  request.push = (chunk, encoding) => {
    bytes += sizeOfChunk(chunk, encoding)
    return push(chunk, encoding)
  }
  return () => (request.complete && !Number.isNaN(declared) ? declared : bytes)
}

/** Counts a response's body, whoever writes it. */
function countSent(response: ServerResponse): () => number {
  let bytes = 0
  let isEnding = false
  const write = response.write.bind(response) as (...given: unknown[]) => boolean
  const end = response.end.bind(response) as (...given: unknown[]) => ServerResponse
  response.write = (...given: unknown[]) => {
    // HTTP/2's `end` writes what it is given by `write`.
    if (!isEnding) bytes += sizeOfChunk(given[0], given[1])
    return write(...given)
  }
  response.end = (...given: unknown[]) => {
    if (!isEnding) bytes += sizeOfChunk(given[0], given[1])
    isEnding = true
    return end(...given)
  }
  return () => (response.req.method === 'HEAD' ? 0 : bytes)
}

/** Without the port, which would make every connection a source of its own. */
function addressOf({ socket }: IncomingMessage): Endpoint | undefined {
  const ip = socket.remoteAddress
  return ip === undefined ? undefined : { ip: ip.replace(/^::ffff:/, '') }
}

function captured(
  names: readonly string[],
  valueOf: (name: string) => number | string | readonly string[] | undefined,
): readonly Header[] {
  return names.flatMap((name) =>
    [valueOf(name) ?? []].flat().map((value) => ({ name, value: String(value) })),
  )
}

function textOf(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined
}
