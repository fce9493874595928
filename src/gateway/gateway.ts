import websocket from '@fastify/websocket'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { addDocsRoutes } from '../http/docs-routes.ts'
import { addHealthRoutes, type Readiness } from '../http/health-routes.ts'
import { type HttpStats, httpStats } from '../http/http-stats.ts'
import { HttpProblem } from '../http/problem.ts'
import { ProblemAnswers } from '../http/problem-answers.ts'
import { createHttpServer, describedRoutes } from '../http/server.ts'
import type { QueryEngine } from '../query/query-engine.ts'
import { GATEWAY_API } from './gateway-api.ts'
import { addLandingPage } from './landing-page.ts'
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from './limits.ts'
import { gatewayProblem } from './port-problems.ts'
import { addQueryRoutes } from './query-routes.ts'
import type { TapHub } from './tap-hub.ts'
import { addTapRoute, TAP_PATH } from './tap-route.ts'
import { CLOSE_CODES, watchPeers } from './tap-websocket.ts'

/** Most bytes of a message from a client, which has nothing to say. */
const MAX_MESSAGE_BYTES = 64 * 1024

export interface GatewayOptions {
  readonly engine: QueryEngine
  readonly taps: TapHub
  readonly ready: Readiness
  readonly version: string
  readonly logger?: FastifyBaseLogger
  /** What differs from `DEFAULT_GATEWAY_LIMITS`. */
  readonly limits?: Partial<GatewayLimits>
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** Names, besides localhost and IP addresses, that the server may be reached by. */
  readonly allowedHosts?: readonly string[]
}

export type GatewayServer = FastifyInstance & { readonly stats: HttpStats }

/**
 * The HTTP server that answers queries and streams taps, with health, documentation and a landing page. Call `listen`
 * on it, and `close`: that ends its taps, but neither the engine's stores nor the hub.
 */
export async function createGateway(options: GatewayOptions): Promise<GatewayServer> {
  const limits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits }
  const stats = httpStats()
  const app = await createHttpServer({
    limits,
    problems: new ProblemAnswers({ stats, translate: gatewayProblem, now: options.now ?? Date.now }),
    websocketPaths: [TAP_PATH],
    prepare: (app) => addWebsockets(app, limits),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    ...(options.allowedHosts === undefined ? {} : { allowedHosts: options.allowedHosts }),
  })

  const routes = describedRoutes(app)
  addQueryRoutes(app, options.engine, limits.queries)
  addTapRoute(app, options.taps, limits)
  addHealthRoutes(app, options.ready)
  addDocsRoutes(app, { ...GATEWAY_API, version: options.version }, routes)
  addLandingPage(app, options.version, routes)
  await app.ready()
  return Object.assign(app, { stats })
}

async function addWebsockets(app: FastifyInstance, limits: GatewayLimits): Promise<void> {
  let cut: NodeJS.Timeout | undefined
  await app.register(websocket, {
    options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false },
    // A client that breaks off, or breaks the protocol: its socket closes by itself and ends its tap.
    errorHandler: (_error, socket) => socket.terminate(),
    preClose: (done) => {
      const { clients } = app.websocketServer
      for (const client of clients) client.close(CLOSE_CODES.goingAway, 'the server is closing')
      cut = setTimeout(() => clients.forEach((client) => client.terminate()), limits.closeGraceMs)
      app.websocketServer.close()
      done()
    },
  })
  const stopWatching = watchPeers(app.websocketServer.clients, limits.pingMs)
  app.addHook('onClose', async () => {
    stopWatching()
    clearTimeout(cut)
  })
  app.addHook('onRequest', async (request, reply) => {
    // Whatever the answer, the connection is no longer one of HTTP.
    if (request.ws) reply.header('connection', 'close')
    // Node before 24.9 offers every upgrade to the websocket server.
    if (request.ws && !request.is404 && request.routeOptions.url !== TAP_PATH) {
      throw new HttpProblem(
        400,
        'NOT_A_WEBSOCKET',
        `${request.routeOptions.url} is no websocket; ${TAP_PATH} is`,
      )
    }
  })
}
