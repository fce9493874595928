import type { FastifyInstance } from 'fastify'
import { AccessError } from '../access/access-error.ts'
import type { Operation } from '../http/openapi.ts'
import type { Page } from '../http/page.ts'
import type { Admission } from './admission.ts'
import { QUERY_PROBLEMS } from './query-api.ts'

/** Adds `GET /metrics`, for who may see everything: series name both ends of a request. */
export function addMetricsRoute(app: FastifyInstance, admission: Admission, page: Page): void {
  app.get(
    '/metrics',
    { config: { operation: METRICS, access: 'granted', isStream: true }, exposeHeadRoute: false },
    async (request, reply) => {
      const access = admission.accessOf(request)
      if (access.visible(['stat']).kind !== 'everything') {
        throw new AccessError(
          'NOT_GRANTED',
          `${access.name} is not granted stat in every namespace of every cluster, which /metrics is of`,
        )
      }
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

const METRICS: Operation = {
  operationId: 'metrics',
  summary: 'The series of the mesh, for Prometheus',
  description:
    'Counters since a series began, in the text format, as OpenMetrics, or as protobuf with native histograms: whatever ' +
    '`Accept` asks for. docs/prometheus.md has names and labels.',
  tags: ['queries'],
  parameters: [
    {
      name: 'namespace',
      in: 'query',
      description: 'Only series of reporters in this namespace.',
      schema: { type: 'string' },
    },
    {
      name: 'cluster',
      in: 'query',
      description: 'Only series of reporters in this cluster.',
      schema: { type: 'string' },
    },
    {
      name: 'shard',
      in: 'query',
      description: 'Only a part of the namespaces: 1/4 to 4/4 together have all, each once.',
      schema: { type: 'string', pattern: '^[0-9]+/[0-9]+$' },
    },
  ],
  responses: {
    '200': {
      description: 'All samples.',
      content: {
        'text/plain; version=0.0.4': { schema: { type: 'string' } },
        'application/openmetrics-text; version=1.0.0': { schema: { type: 'string' } },
        'application/vnd.google.protobuf': { schema: { type: 'string', format: 'binary' } },
      },
    },
    ...QUERY_PROBLEMS,
  },
}
