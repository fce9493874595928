import type { ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import { type SecureContextOptions, Server as TlsServer, type TlsOptions } from 'node:tls'
import { type FastifyBaseLogger, type FastifyInstance, LogController, fastify } from 'fastify'
import { type ConnectionLimits, limitConnections } from './connection-limits.ts'
import { HostGuard } from './host-guard.ts'
import type { HttpStats } from './http-stats.ts'
import type { DescribedRoute, Operation } from './openapi.ts'
import { pathOf } from './path-of.ts'
import { limitPipelining } from './pipelining.ts'
import { HttpProblem } from './problem.ts'
import { type ProblemAnswers, sendRawProblem } from './problem-answers.ts'
import type { TlsContent, TlsMaterial } from './tls-material.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route does, for the OpenAPI document. Routes without one are not part of the API. */
    operation?: Operation
    /** Answered for as long as the client stays: `handlerTimeoutMs` does not apply. */
    isStream?: boolean
  }
}

/** What is more than `connections` and `connectionsPerAddress` is closed at once. */
export interface HttpLimits extends ConnectionLimits {
  /** Longest URL, in characters; beyond it 414. */
  readonly urlLength: number
  /** Most bytes of a request's line and headers; beyond it 431. */
  readonly headerBytes: number
  /** From a request's first byte to its last; beyond it 408. For its headers, and for a TLS handshake, it is at most 20 s. */
  readonly requestTimeoutMs: number
  /** From a request's headers to the first byte of its answer; beyond it 503. */
  readonly handlerTimeoutMs: number
  /** How long a client may take nothing of an answer; then its connection is cut. Streams have limits of their own. */
  readonly stalledAnswerMs: number
  /** How long `close` waits for answers under way before it cuts their connections. */
  readonly closeGraceMs: number
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  urlLength: 8192,
  headerBytes: 16 * 1024,
  connections: 4096,
  connectionsPerAddress: 2048,
  requestTimeoutMs: 30_000,
  handlerTimeoutMs: 30_000,
  stalledAnswerMs: 60_000,
  closeGraceMs: 5000,
}

export interface HttpServerOptions {
  readonly logger?: FastifyBaseLogger
  /** Names, besides localhost and IP addresses, that the server may be reached by. See `HostGuard`. */
  readonly allowedHosts?: readonly string[]
  readonly limits: HttpLimits
  /**
   * Paths that are websockets when asked for as such. Any other request that offers an upgrade (`curl --http2` offers one)
   * is answered as if it had not.
   */
  readonly websocketPaths?: readonly string[]
  /** Registers what must see requests before the server's own hooks, which may refuse them. */
  readonly prepare?: (app: FastifyInstance) => Promise<void>
  readonly problems: ProblemAnswers
  /** Without it plain HTTP is served. */
  readonly tls?: TlsMaterial
}

/** Paths that anyone may ask for: probes reach a server by whatever name they like and learn nothing. */
const UNGUARDED = new Set(['/livez', '/readyz'])

/** What answers are of that no route gave. */
const NO_ROUTE = 'none'

const BASE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/**
 * A fastify instance with what all of meshtap's HTTP servers share: limits, the guard of hosts and origins, security
 * headers, problems for every failure (fastify's and Node's own included), 405 with `Allow`, and a bounded close.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<FastifyInstance> {
  const { limits, problems, websocketPaths = [] } = options
  const { stats } = problems
  const guard = new HostGuard(options.allowedHosts)
  let closing = false

  const { tls } = options
  const server: ServerOptions = {
    shouldUpgradeCallback: ({ url = '', headers }) =>
      headers.upgrade?.toLowerCase() === 'websocket' && websocketPaths.includes(pathOf(url)),
    maxHeaderSize: limits.headerBytes,
    headersTimeout: beginTimeoutMs(limits),
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: Math.max(100, Math.min(limits.requestTimeoutMs / 4, 5000)),
  }
  const app: FastifyInstance = fastify({
    ...(tls === undefined
      ? { http: server }
      : { https: { ...server, ...tlsOptions(tls.current), handshakeTimeout: beginTimeoutMs(limits) } }),
    requestTimeout: limits.requestTimeoutMs,
    // Of a connection on which nothing moves.
    connectionTimeout: limits.stalledAnswerMs,
    return503OnClosing: false,
    // No route has a schema for fastify: loading the compilers of those would be a tenth of the time to start.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    ...(options.logger === undefined ? {} : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    // A URL that cannot be routed: no hook runs.
    frameworkErrors: (error, request, reply) => {
      stats.requests++
      reply.headers(BASE_HEADERS)
      problems.send(error, request, reply)
      stats.answers.add(NO_ROUTE, reply.statusCode)
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, stats),
  })
  tls?.onChange((content) => {
    if (app.server instanceof TlsServer) app.server.setSecureContext(tlsOptions(content))
  })
  limitConnections(app.server, limits, (what) => {
    stats.droppedConnections++
    problems.log(new HttpProblem(503, 'CONNECTION_LIMIT', what), app.log)
  })
  app.server.on('timeout', (socket: Socket) => {
    // One that waits for another request has nothing left to send.
    if (socket.writableLength > 0) stats.cutConnections++
    socket.destroy()
  })
  limitPipelining(app, () => stats.cutConnections++)
  await options.prepare?.(app)

  app.addHook('onRequest', async (request, reply) => {
    stats.requests++
    reply.headers(BASE_HEADERS)
    if (closing) {
      throw new HttpProblem(503, 'CLOSING', 'the server is closing; ask another one, or again in a moment', {
        retryAfterSeconds: 1,
        headers: { connection: 'close' },
      })
    }
    if (request.url.length > limits.urlLength) {
      throw new HttpProblem(
        414,
        'URL_TOO_LONG',
        `the URL has ${request.url.length} characters; at most ${limits.urlLength} are read`,
      )
    }
    if (!UNGUARDED.has(request.url)) guard.check(request.headers.host, request.headers.origin)
  })

  app.addHook('onResponse', async (request, reply) => {
    const route = request.is404 ? undefined : request.routeOptions.url
    stats.answers.add(route ?? NO_ROUTE, reply.raw.statusCode)
  })

  app.setErrorHandler((error, request, reply) => {
    problems.send(error, request, reply)
  })

  const methods = new Map<string, Set<string>>()
  app.addHook('onRoute', (route) => {
    if (route.config?.isStream !== true) route.handlerTimeout = limits.handlerTimeoutMs
    const known = methods.get(route.url) ?? new Set()
    for (const method of [route.method].flat()) known.add(method)
    methods.set(route.url, known)
  })
  app.setNotFoundHandler((request) => {
    const path = pathOf(request.url)
    const allowed = methods.get(path)
    if (allowed === undefined) {
      throw new HttpProblem(404, 'NOT_FOUND', `there is nothing at ${path}; /api/docs lists what there is`)
    }
    const allow = [...allowed].sort().join(', ')
    throw new HttpProblem(405, 'METHOD_NOT_ALLOWED', `${path} takes ${allow}, not ${request.method}`, {
      headers: { allow },
    })
  })

  let cut: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    closing = true
    cut = setTimeout(() => app.server.closeAllConnections(), limits.closeGraceMs)
  })
  app.addHook('onClose', async () => clearTimeout(cut))
  return app
}

/** How long a client may take until its headers are there, or its handshake is over. */
function beginTimeoutMs({ requestTimeoutMs }: HttpLimits): number {
  return Math.min(requestTimeoutMs, 20_000)
}

function tlsOptions({ cert, key, clientCa }: TlsContent): SecureContextOptions & TlsOptions {
  const shown = { cert, key, minVersion: 'TLSv1.2' } as const
  return clientCa === undefined
    ? shown
    : { ...shown, ca: clientCa, requestCert: true, rejectUnauthorized: true }
}

function noSchemas(): never {
  throw new Error('BUG: routes check what they are given, and write what they answer, themselves')
}

/** The routes of an instance that describe themselves, filled in as they are added. */
export function describedRoutes(app: FastifyInstance): readonly DescribedRoute[] {
  const routes: DescribedRoute[] = []
  app.addHook('onRoute', (route) => {
    const { method, url, config } = route
    const operation = config?.operation
    if (operation === undefined) return
    const isGuarded = config?.access === 'granted'
    const isWebsocket = 'wsHandler' in route
    for (const name of [method].flat())
      if (name !== 'HEAD') routes.push({ method: name, url, operation, isGuarded, isWebsocket })
  })
  return routes
}

/** Answers what Node refused before there was a request. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket, stats: HttpStats): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  sendRawProblem(clientProblem(error), socket, stats)
}

function clientProblem(error: NodeJS.ErrnoException): HttpProblem {
  switch (error.code ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return new HttpProblem(431, 'HEADERS_TOO_LARGE', 'the request line and headers are larger than is read')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new HttpProblem(
        413,
        'BODY_TOO_LARGE',
        'the chunk extensions of the body are larger than is read',
      )
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new HttpProblem(408, 'REQUEST_TIMEOUT', 'the request did not arrive in time')
    default:
      return new HttpProblem(400, 'BAD_REQUEST', `this is not a request in HTTP/1.1: ${error.message}`)
  }
}
