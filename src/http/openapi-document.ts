import { guardedOperation, securitySchemes } from './guarded-operation.ts'
import type { ApiDescription, DescribedRoute, Operation, Schema } from './openapi.ts'

/** The OpenAPI 3.1 document of some routes. */
export function openApiDocument(
  api: ApiDescription,
  routes: readonly DescribedRoute[],
): Record<string, unknown> {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const { method, url, operation, isGuarded = false, isWebsocket = false } of routes) {
    const path = (paths[url] ??= {})
    path[method.toLowerCase()] = isGuarded ? guardedOperation(operation, { isWebsocket }) : operation
  }
  const isAnyGuarded = routes.some(({ isGuarded }) => isGuarded)
  const isAnyWebsocket = routes.some((route) => route.isGuarded && route.isWebsocket)
  return {
    openapi: '3.1.0',
    info: {
      title: api.title,
      description: api.description,
      version: api.version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    tags: api.tags,
    paths,
    components: {
      schemas: { ...api.schemas, Problem: PROBLEM_SCHEMA },
      ...(isAnyGuarded ? { securitySchemes: securitySchemes({ isAnyWebsocket }) } : {}),
    },
  }
}

const PROBLEM_SCHEMA: Schema = {
  type: 'object',
  description: 'An error as RFC 9457 describes it.',
  required: ['type', 'title', 'status', 'detail', 'code'],
  additionalProperties: false,
  properties: {
    type: { const: 'about:blank', description: '`code` is what tells problems apart.' },
    title: { type: 'string', description: 'The status in words.' },
    status: { type: 'integer', description: 'The HTTP status.' },
    detail: { type: 'string', description: 'What went wrong, for people.' },
    code: { type: 'string', description: 'Stable word for programs.' },
    parameter: { type: 'string', description: 'The query parameter at fault.' },
    at: {
      type: 'string',
      description: 'The place in the body at fault: a byte offset, a line, or a path.',
    },
  },
}
