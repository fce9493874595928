import { randomBytes } from 'node:crypto'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Door } from '../access/door.ts'
import { Tickets } from '../access/tickets.ts'
import { type GuardedRoute, guardRoutes } from '../http/access-guard.ts'
import { addDocsRoutes } from '../http/docs-routes.ts'
import { addHealthRoutes, type Readiness } from '../http/health-routes.ts'
import { type HttpStats, httpStats } from '../http/http-stats.ts'
import type { Page } from '../http/page.ts'
import { HttpProblem } from '../http/problem.ts'
import { ProblemAnswers } from '../http/problem-answers.ts'
import { createHttpServer, describedRoutes } from '../http/server.ts'
import type { TlsMaterial } from '../http/tls-material.ts'
import type { QueryEngine } from '../query/query-engine.ts'
import { Admission } from './admission.ts'
import type { Audit } from './audit.ts'
import { GATEWAY_API } from './gateway-api.ts'
import { addLandingPage } from './landing-page.ts'
import { LiveQuestions } from './live-questions.ts'
import { DEFAULT_GATEWAY_LIMITS, type GatewayLimits } from './limits.ts'
import { addMeshMetricsRoute } from './metrics-route.ts'
import { gatewayProblem } from './port-problems.ts'
import { addQueryRoutes } from './query-routes.ts'
import { StreamTally } from './stream-tally.ts'
import type { TapHub } from './tap-hub.ts'
import { addTapRoute, TAP_PATH } from './tap-route.ts'
import { addTicketRoute } from './ticket-route.ts'
import { addWebsockets, type WebsocketStats } from './websockets.ts'

const WEBSOCKET_PATHS: readonly string[] = [TAP_PATH, '/api/v1/stat', '/api/v1/top']

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
  /** Without one anyone may see everything. */
  readonly door?: Door
  /** What tickets are signed with. Without it one of this server's own, so that others do not take them. */
  readonly ticketSecret?: string
  readonly tls?: TlsMaterial
  /** What answers `/metrics`. Without it there is none. */
  readonly metrics?: Page
  /** Registers what must see requests before anything else does. */
  readonly prepare?: (app: FastifyInstance) => Promise<void>
  /** Told of every tap. */
  readonly audit?: Audit
  /** Told of every query that was answered once, and how long it took. */
  readonly onQuery?: (route: string, seconds: number) => void
}

export type GatewayServer = FastifyInstance & {
  readonly stats: HttpStats
  /** Every route, and who may ask for it. */
  readonly guarded: readonly GuardedRoute[]
  readonly websockets: WebsocketStats
  /** Live questions, to observe. */
  readonly live: Pick<LiveQuestions, 'stats'>
  /** Clients that are being streamed to. */
  readonly streams: Pick<StreamTally, 'open'>
}

/**
 * The HTTP server that answers queries and streams taps, with health, documentation and a landing page. Call `listen`
 * on it, and `close`: that ends its taps, but neither the engine's stores nor the hub.
 */
export async function createGateway(options: GatewayOptions): Promise<GatewayServer> {
  const limits = { ...DEFAULT_GATEWAY_LIMITS, ...options.limits }
  const stats = httpStats()
  const websockets: WebsocketStats = { silent: 0, talkative: 0, malformed: 0 }
  const app = await createHttpServer({
    limits,
    problems: new ProblemAnswers({ stats, translate: gatewayProblem, now: options.now ?? Date.now }),
    websocketPaths: WEBSOCKET_PATHS,
    prepare: async (app) => {
      await options.prepare?.(app)
      await addWebsockets(app, { paths: WEBSOCKET_PATHS, limits, stats: websockets, httpStats: stats })
    },
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    ...(options.allowedHosts === undefined ? {} : { allowedHosts: options.allowedHosts }),
  })

  const routes = describedRoutes(app)
  const now = options.now ?? Date.now
  const admission = new Admission({
    ...(options.door === undefined ? {} : { door: options.door }),
    tickets: new Tickets({ secret: options.ticketSecret ?? randomBytes(32), now }),
    limits,
    now,
  })
  const guarded = guardRoutes(app, (request) => admission.admit(request))
  const streams = new StreamTally()
  const questions = new LiveQuestions({
    limits: { questions: limits.liveQuestions, clients: limits.liveClients },
    problemOf: (error) => {
      const { code, message } = gatewayProblem(error) ?? internalProblem(error, app)
      return { code, detail: message }
    },
  })
  app.addHook('preClose', async () => questions.close())
  addQueryRoutes(
    app,
    options.engine,
    { accessOf: (request) => admission.accessOf(request) },
    { concurrency: limits.queries, onQuery: options.onQuery ?? (() => {}) },
    { questions, admission, limits, streams },
  )
  addTapRoute(app, {
    taps: options.taps,
    admission,
    limits,
    streams,
    audit: options.audit ?? (() => {}),
    now,
  })
  addTicketRoute(app, admission)
  if (options.metrics !== undefined) addMeshMetricsRoute(app, admission, options.metrics)
  addHealthRoutes(app, options.ready)
  addDocsRoutes(app, { ...GATEWAY_API, version: options.version }, routes)
  addLandingPage(app, options.version, routes)
  app.addHook('onClose', async () => admission.close())
  await app.ready()
  return Object.assign(app, { stats, guarded, websockets, live: questions, streams })
}

/** A failure that no client brought about, and that is none of a server that is away. */
function internalProblem(error: unknown, app: FastifyInstance): HttpProblem {
  app.log.error({ err: error }, 'a live question could not be answered')
  return new HttpProblem(
    500,
    'INTERNAL',
    'the question could not be answered; the log of the gateway says why',
  )
}
