/** The part of OpenAPI 3.1 that meshtap's routes describe themselves with. */

/** A JSON Schema of the 2020-12 dialect. */
export type Schema = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly name: string
  readonly in: 'query' | 'header'
  readonly description: string
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
}

export interface MediaType {
  readonly schema?: Schema
  readonly example?: unknown
  readonly examples?: Readonly<Record<string, { readonly summary?: string; readonly value: unknown }>>
}

export interface ResponseDescription {
  readonly description: string
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: Schema }>>
  readonly content?: Readonly<Record<string, MediaType>>
}

/** What one route does, for the OpenAPI document. */
export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly description?: string
    readonly required: boolean
    readonly content: Readonly<Record<string, MediaType>>
  }
  /** By status. */
  readonly responses: Readonly<Record<string, ResponseDescription>>
}

export interface DescribedRoute {
  readonly method: string
  readonly url: string
  readonly operation: Operation
}

export interface ApiDescription {
  readonly title: string
  readonly description: string
  readonly version: string
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  /** Referred to as `#/components/schemas/<name>`. */
  readonly schemas: Readonly<Record<string, Schema>>
}

/** The OpenAPI 3.1 document of some routes. */
export function openApiDocument(
  api: ApiDescription,
  routes: readonly DescribedRoute[],
): Record<string, unknown> {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const { method, url, operation } of routes) {
    const path = (paths[url] ??= {})
    path[method.toLowerCase()] = operation
  }
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
    components: { schemas: { ...api.schemas, Problem: PROBLEM_SCHEMA } },
  }
}

/** A reference to a schema of the document. */
export function schemaRef(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** The description of an error answer, by an example of its code and detail. */
export function problemResponse(
  description: string,
  example: {
    readonly status: number
    readonly title: string
    readonly code: string
    readonly detail: string
  },
): ResponseDescription {
  return {
    description,
    content: {
      'application/problem+json': {
        schema: schemaRef('Problem'),
        example: { type: 'about:blank', ...example },
      },
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
