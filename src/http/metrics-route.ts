import type { FastifyInstance, FastifyRequest } from 'fastify'
import './access-guard.ts'
import type { Operation } from './openapi.ts'
import type { Page } from './page.ts'

export interface MetricsRouteOptions {
  readonly page: Page
  readonly operation: Operation
  /** Throws where who asks may not have it, though the server lets them in. */
  readonly check?: (request: FastifyRequest) => void
}

/** Adds `GET /metrics`, for whom the server lets in. */
export function addMetricsRoute(app: FastifyInstance, { page, operation, check }: MetricsRouteOptions): void {
  app.get(
    '/metrics',
    { config: { operation, access: 'granted', isStream: true }, exposeHeadRoute: false },
    async (request, reply) => {
      check?.(request)
      const { url, headers } = request
      const query = url.indexOf('?')
      const { headers: answered, body } = await page({
        parameters: new URLSearchParams(query < 0 ? '' : url.slice(query)),
        accept: headers.accept,
        acceptEncoding: [headers['accept-encoding'] ?? []].flat().join(','),
      })
      return reply.headers(answered).send(body)
    },
  )
}

/** The answer, in each format that there is. */
export const METRICS_ANSWER: Operation['responses'] = {
  '200': {
    description: 'All samples.',
    content: {
      'text/plain; version=0.0.4': { schema: { type: 'string' } },
      'application/openmetrics-text; version=1.0.0': { schema: { type: 'string' } },
      'application/vnd.google.protobuf': { schema: { type: 'string', format: 'binary' } },
    },
  },
}
