import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify'
import type { Access, Visible } from '../access/access.ts'
import type { Operation } from '../http/openapi.ts'
import { HttpProblem } from '../http/problem.ts'
import type { StatAnswer, ReasonsAnswer } from '../query/answer.ts'
import type { AnswerAlive } from '../query/live-answer.ts'
import type { QueryEngine } from '../query/query-engine.ts'
import {
  parseEdgesRequest,
  parseResourcesRequest,
  parseRoutesRequest,
  parseStatQuestion,
  parseTimeseriesRequest,
  parseTopRequest,
} from '../query/requests.ts'
import { addLiveRoute, type LiveRouteOptions, type Question } from './live-route.ts'
import { EDGES, RESOURCES, ROUTES, STAT, TIMESERIES, TOP } from './query-api.ts'
import { visibleTo } from './grant-questions.ts'
import { urlParameters } from './url-parameters.ts'

type Read<A extends object> = (parameters: Readonly<Record<string, string>>) => Question<A>

export interface QueryRouteOptions {
  /** Most queries that are answered at once. */
  readonly concurrency: number
  /** Told how long a query took that was answered once, also where it failed. */
  readonly onQuery: (route: string, seconds: number) => void
}

/** Adds the routes that answer queries, to each of what they may see. */
export function addQueryRoutes(
  app: FastifyInstance,
  engine: QueryEngine,
  { accessOf }: { readonly accessOf: (request: FastifyRequest) => Access },
  { concurrency, onQuery }: QueryRouteOptions,
  live: LiveRouteOptions,
): void {
  let running = 0

  const handle =
    (read: Read<object>): RouteHandlerMethod =>
    async (request, reply) => {
      const { asked, answer } = read(urlParameters(request))
      const visible = visibleTo(accessOf(request), asked)
      // Without a response schema, an answer is written by JSON.stringify: no field of it can get lost.
      if (running >= concurrency) {
        throw new HttpProblem(
          429,
          'OVERLOADED',
          `${running} queries are being answered; ask again in a moment`,
          {
            retryAfterSeconds: 1,
          },
        )
      }
      running++
      const startMs = performance.now()
      try {
        const json = JSON.stringify(await answered(answer, visible))
        return reply.sent ? reply : reply.header('content-type', 'application/json; charset=utf-8').send(json)
      } finally {
        running--
        onQuery(request.routeOptions.url ?? '', (performance.now() - startMs) / 1000)
      }
    }

  const answered = async <A extends object>(answer: Question<A>['answer'], visible: Visible): Promise<A> => {
    if (visible.kind === 'everything') return answer(engine)
    return { ...(await answer(engine.within(visible))), narrowedTo: visible.places }
  }

  const add = (path: string, operation: Operation, read: Read<object>): void => {
    app.get(path, { config: { operation, access: 'granted' } }, handle(read))
  }

  const addLive = <A extends AnswerAlive>(path: string, operation: Operation, read: Read<A>): void =>
    addLiveRoute(app, { ...live, path, operation, read, answered, once: handle(read) })

  addLive(
    '/api/v1/stat',
    STAT,
    question(parseStatQuestion, (engine, request): Promise<StatAnswer | ReasonsAnswer> =>
      'by' in request ? engine.reasons(request) : engine.stat(request),
    ),
  )
  addLive(
    '/api/v1/top',
    TOP,
    question(parseTopRequest, (engine, request) => engine.top(request)),
  )
  add(
    '/api/v1/edges',
    EDGES,
    question(parseEdgesRequest, (engine, request) => engine.edges(request)),
  )
  add(
    '/api/v1/routes',
    ROUTES,
    question(parseRoutesRequest, (engine, request) => engine.routes(request)),
  )
  add(
    '/api/v1/timeseries',
    TIMESERIES,
    question(parseTimeseriesRequest, (engine, request) => engine.timeseries(request)),
  )
  add(
    '/api/v1/resources',
    RESOURCES,
    question(parseResourcesRequest, (engine, request) => engine.resources(request)),
  )
}

function question<R extends Question<object>['asked'], A extends object>(
  parse: (parameters: Readonly<Record<string, string>>) => R,
  answer: (engine: QueryEngine, request: R) => Promise<A>,
): Read<A> {
  return (parameters) => {
    const asked = parse(parameters)
    return { asked, answer: (engine) => answer(engine, asked) }
  }
}
