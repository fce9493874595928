import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { AccessError } from '../access/access-error.ts'
import { bearerOf } from '../access/bearer.ts'
import type { StaticTokens } from '../access/static-tokens.ts'
import { guardRoutes } from '../http/access-guard.ts'
import { accessProblem } from '../http/access-problem.ts'
import { AnswerTally } from '../http/answer-tally.ts'
import { addDocsRoutes } from '../http/docs-routes.ts'
import { addHealthRoutes, type Readiness } from '../http/health-routes.ts'
import { addMetricsRoute } from '../http/metrics-route.ts'
import type { Page } from '../http/page.ts'
import { ProblemAnswers } from '../http/problem-answers.ts'
import type { TlsMaterial } from '../http/tls-material.ts'
import { createHttpServer, describedRoutes } from '../http/server.ts'
import type { EventLog } from '../log/event-log.ts'
import { ByteBudget } from './byte-budget.ts'
import { addEventRoute } from './event-route.ts'
import { INGEST_API } from './ingest-api.ts'
import { type IngestStats, ingestStats } from './ingest-stats.ts'
import { Intake } from './intake.ts'
import { type IngestLimits, ingestLimits } from './limits.ts'
import { METRICS } from './metrics-operation.ts'
import { logProblem } from './port-problems.ts'
import { addTraceRoute } from './trace-route.ts'

export interface IngestOptions {
  readonly log: EventLog
  readonly topic: string
  readonly version: string
  /** What differs from `DEFAULT_INGEST_LIMITS`. */
  readonly limits?: Partial<IngestLimits>
  /** Epoch milliseconds. */
  readonly now?: () => number
  readonly ready?: Readiness
  readonly logger?: FastifyBaseLogger
  /** Names, besides localhost and IP addresses, that the server may be reached by. */
  readonly allowedHosts?: readonly string[]
  /** Of those who may send. Without it anyone may. */
  readonly tokens?: () => StaticTokens
  readonly tls?: TlsMaterial
  /** What answers `/metrics`, to those who may send. Without it there is none. */
  readonly metrics?: Page
  /** Registers what must see requests before anything else does. */
  readonly prepare?: (app: FastifyInstance) => Promise<void>
  /** Shared with another transport; without it the server has one of its own, of `inFlightBytes`. */
  readonly budget?: ByteBudget
}

export type IngestServer = FastifyInstance & {
  readonly stats: IngestStats
  /** Requests with events, by how these are encoded, `unknown` where that is not read here. */
  readonly bodies: Pick<AnswerTally, 'counts'>
}

/**
 * The HTTP server that takes events into the log: `POST /v1/events` and `POST /v1/traces` (OTLP/HTTP), with health and
 * documentation. It answers 2xx only after the log has the events. Call `listen` on it, and `close`.
 */
export async function createIngest(options: IngestOptions): Promise<IngestServer> {
  const limits = ingestLimits(options.limits)
  const budget = options.budget ?? new ByteBudget(limits.inFlightBytes)
  const stats = ingestStats(() => budget.used)
  const intake = new Intake({ log: options.log, topic: options.topic, limits, budget, stats })
  const problems = new ProblemAnswers({
    stats,
    translate: (error) => (error instanceof AccessError ? accessProblem(error) : logProblem(error)),
    now: options.now ?? Date.now,
  })
  const app = await createHttpServer({
    limits,
    problems,
    ...(options.prepare === undefined ? {} : { prepare: options.prepare }),
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    ...(options.logger === undefined ? {} : { logger: options.logger }),
    ...(options.allowedHosts === undefined ? {} : { allowedHosts: options.allowedHosts }),
  })
  // Routes read bodies themselves: fastify's parsers know neither encodings nor a budget.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))

  const { tokens } = options
  guardRoutes(app, async ({ headers }) => {
    if (tokens === undefined || tokens().holderOf(bearerOf(headers.authorization)) !== undefined) return
    throw new AccessError('TOKEN_INVALID', 'the token is none of those who may send events here')
  })
  const bodies = new AnswerTally()
  app.addHook('onResponse', async (request, reply) => {
    if (request.method === 'POST' && !request.is404)
      bodies.add(intake.codecOf(request) ?? 'unknown', reply.raw.statusCode)
  })
  const routes = describedRoutes(app)
  addEventRoute(app, intake)
  addTraceRoute(app, intake, problems)
  if (options.metrics !== undefined) addMetricsRoute(app, { page: options.metrics, operation: METRICS })
  addHealthRoutes(app, options.ready ?? (() => ({ ready: true })))
  addDocsRoutes(app, { ...INGEST_API, version: options.version }, routes)
  await app.ready()
  return Object.assign(app, { stats, bodies })
}
