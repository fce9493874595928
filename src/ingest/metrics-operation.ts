import { METRICS_ANSWER } from '../http/metrics-route.ts'
import type { Operation } from '../http/openapi.ts'

/** `GET /metrics` of an ingest. */
export const METRICS: Operation = {
  operationId: 'metrics',
  summary: 'Metrics of this server, for Prometheus',
  description: 'docs/metrics.md has names and labels.',
  tags: ['health'],
  responses: METRICS_ANSWER,
}
