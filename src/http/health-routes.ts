import type { FastifyInstance } from 'fastify'
import './access-guard.ts'
import { type Operation, problemResponse } from './openapi.ts'
import { HttpProblem } from './problem.ts'

/** Whether a server can do its work now, and what it waits for if not. */
export type Readiness = () => { readonly ready: boolean; readonly reason?: string }

/** Adds `/livez` (the process answers) and `/readyz` (it can do its work). */
export function addHealthRoutes(app: FastifyInstance, ready: Readiness): void {
  app.get('/livez', { config: { operation: LIVEZ, access: 'open' } }, async () => ({ status: 'ok' }))
  app.get('/readyz', { config: { operation: READYZ, access: 'open' } }, async () => {
    const state = ready()
    if (!state.ready) {
      throw new HttpProblem(503, 'NOT_READY', state.reason ?? 'not ready', { retryAfterSeconds: 1 })
    }
    return { status: 'ok' }
  })
}

const OK = {
  description: 'Yes.',
  content: {
    'application/json': {
      schema: { type: 'object', required: ['status'], properties: { status: { const: 'ok' } } },
      example: { status: 'ok' },
    },
  },
}

const LIVEZ: Operation = {
  operationId: 'livez',
  summary: 'Whether the process answers',
  tags: ['health'],
  responses: { '200': OK },
}

const READYZ: Operation = {
  operationId: 'readyz',
  summary: 'Whether the server can do its work',
  tags: ['health'],
  responses: {
    '200': OK,
    '503': problemResponse('Not now. `detail` says what it waits for.', {
      status: 503,
      title: 'Service Unavailable',
      code: 'NOT_READY',
      detail: 'the log is not open yet',
    }),
  },
}
