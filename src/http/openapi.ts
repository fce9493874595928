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
  /** By status. Those of a guard need not be among them. */
  readonly responses: Readonly<Record<string, ResponseDescription>>
  /** Names of security schemes: each of the objects is enough. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
}

export interface DescribedRoute {
  readonly method: string
  readonly url: string
  readonly operation: Operation
  /** Whether the server must let in who asks. */
  readonly isGuarded?: boolean
  readonly isWebsocket?: boolean
}

export interface ApiDescription {
  readonly title: string
  readonly description: string
  readonly version: string
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  /** Referred to as `#/components/schemas/<name>`. */
  readonly schemas: Readonly<Record<string, Schema>>
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
