import { type Operation, problemResponse, type ResponseDescription } from './openapi.ts'

/** What any request that needs a token may be answered with, by status. */
const REFUSALS: Readonly<Record<string, ResponseDescription>> = {
  '401': {
    ...problemResponse('No token, or one that is not good (any more), where one is needed.', {
      status: 401,
      title: 'Unauthorized',
      code: 'TOKEN_MISSING',
      detail: 'a token is needed here: send "Authorization: Bearer TOKEN"',
    }),
    headers: { 'www-authenticate': { description: '`Bearer`.', schema: { type: 'string' } } },
  },
  '403': problemResponse('The token does not grant what is asked for.', {
    status: 403,
    title: 'Forbidden',
    code: 'NOT_GRANTED',
    detail: 'alice is not granted stat in namespace payments, only in */shop',
  }),
  '429': {
    ...problemResponse('More requests than are answered of one client.', {
      status: 429,
      title: 'Too Many Requests',
      code: 'RATE_LIMIT',
      detail: 'more than 6000 requests a minute; ask again in 1 s',
    }),
    headers: {
      'retry-after': { description: 'Seconds to wait before asking again.', schema: { type: 'integer' } },
    },
  },
}

/** An operation with what its guard adds: how to show who asks, and what else it may be answered with. */
export function guardedOperation(
  operation: Operation,
  { isWebsocket }: { readonly isWebsocket: boolean },
): Operation {
  const responses = { ...operation.responses }
  for (const [status, refusal] of Object.entries(REFUSALS)) {
    const own = responses[status]
    responses[status] = own === undefined ? refusal : either(own, refusal)
  }
  return {
    ...operation,
    security: [{ bearer: [] }, ...(isWebsocket ? [{ ticket: [] }] : [])],
    responses,
  }
}

/** A response that says one thing or another, with an example of each, by its code. */
function either(own: ResponseDescription, other: ResponseDescription): ResponseDescription {
  const content: Record<string, object> = { ...own.content }
  for (const [type, { schema, example }] of Object.entries(other.content ?? {})) {
    const before = own.content?.[type]
    const examples = [before?.example, example].flatMap((example) =>
      example === undefined ? [] : [[codeOf(example), { value: example }] as const],
    )
    content[type] = {
      schema: before?.schema ?? schema,
      examples: { ...before?.examples, ...Object.fromEntries(examples) },
    }
  }
  return {
    description: `${own.description} Or: ${other.description}`,
    headers: { ...other.headers, ...own.headers },
    content,
  }
}

function codeOf(example: unknown): string {
  return (example as { readonly code: string }).code
}

/** How a client can show who it is. */
export function securitySchemes({ isAnyWebsocket }: { readonly isAnyWebsocket: boolean }): object {
  return {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      description: 'A token or a JWT, where the server is told who may ask; else none is needed.',
    },
    ...(isAnyWebsocket
      ? {
          ticket: {
            type: 'apiKey',
            in: 'query',
            name: 'ticket',
            description: 'For websockets of browsers, from `POST /api/v1/tickets`; opens one within 30 s.',
          },
        }
      : {}),
  }
}
