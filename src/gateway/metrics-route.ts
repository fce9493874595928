import type { FastifyInstance } from 'fastify'
import { AccessError } from '../access/access-error.ts'
import { addMetricsRoute, METRICS_ANSWER } from '../http/metrics-route.ts'
import type { Operation } from '../http/openapi.ts'
import type { Page } from '../http/page.ts'
import type { Admission } from './admission.ts'
import { QUERY_PROBLEMS } from './query-api.ts'

/** Adds `GET /metrics`, for who may see everything: series name both ends of a request. */
export function addMeshMetricsRoute(app: FastifyInstance, admission: Admission, page: Page): void {
  addMetricsRoute(app, {
    page,
    operation: METRICS,
    check: (request) => {
      const access = admission.accessOf(request)
      if (access.visible(['stat']).kind === 'everything') return
      throw new AccessError(
        'NOT_GRANTED',
        `${access.name} is not granted stat in every namespace of every cluster, which /metrics is of`,
      )
    },
  })
}

const METRICS: Operation = {
  operationId: 'metrics',
  summary: 'Metrics of the mesh and of meshtap, for Prometheus',
  description:
    'Of the mesh, where this server also exports it, and of meshtap itself; in the text format, as OpenMetrics, or as ' +
    'protobuf with native histograms: whatever `Accept` asks for. docs/prometheus.md and docs/metrics.md have names and labels.',
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
    ...METRICS_ANSWER,
    ...QUERY_PROBLEMS,
  },
}
