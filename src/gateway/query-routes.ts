import type { FastifyInstance } from 'fastify'
import type { Operation } from '../http/openapi.ts'
import { HttpProblem } from '../http/problem.ts'
import type { QueryEngine } from '../query/query-engine.ts'
import {
  parseEdgesRequest,
  parseResourcesRequest,
  parseRoutesRequest,
  parseStatRequest,
  parseTimeseriesRequest,
  parseTopRequest,
} from '../query/requests.ts'
import { EDGES, RESOURCES, ROUTES, STAT, TIMESERIES, TOP } from './query-api.ts'
import { urlParameters } from './url-parameters.ts'

type Answer = (parameters: Readonly<Record<string, string>>) => Promise<object>

/** Adds the routes that answer queries, at most `concurrency` of them at once. */
export function addQueryRoutes(app: FastifyInstance, engine: QueryEngine, concurrency: number): void {
  let running = 0

  const add = (path: string, operation: Operation, answer: Answer): void => {
    // Without a response schema, an answer is written by JSON.stringify: no field of it can get lost.
    app.get(path, { config: { operation } }, async (request, reply) => {
      const parameters = urlParameters(request)
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
      try {
        const json = JSON.stringify(await answer(parameters))
        return reply.sent ? reply : reply.header('content-type', 'application/json; charset=utf-8').send(json)
      } finally {
        running--
      }
    })
  }

  add('/api/v1/stat', STAT, (parameters) => engine.stat(parseStatRequest(parameters)))
  add('/api/v1/top', TOP, (parameters) => engine.top(parseTopRequest(parameters)))
  add('/api/v1/edges', EDGES, (parameters) => engine.edges(parseEdgesRequest(parameters)))
  add('/api/v1/routes', ROUTES, (parameters) => engine.routes(parseRoutesRequest(parameters)))
  add('/api/v1/timeseries', TIMESERIES, (parameters) => engine.timeseries(parseTimeseriesRequest(parameters)))
  add('/api/v1/resources', RESOURCES, (parameters) => engine.resources(parseResourcesRequest(parameters)))
}
