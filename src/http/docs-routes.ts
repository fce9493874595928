import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import './access-guard.ts'
import type { ApiDescription, DescribedRoute, Operation } from './openapi.ts'
import { openApiDocument } from './openapi-document.ts'

/** Where the documentation's page is. */
export const DOCS_PATH = '/api/docs'

/** Swagger UI styles its elements itself; apart from that only the server's own files are let in. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** What there is to ask for is no secret. */
const OPEN = { config: { access: 'open' } } as const

/** Headers of the page's own answers that are passed on. */
const PASSED_ON = ['content-type', 'etag', 'last-modified', 'location'] as const

/**
 * Adds `/api/openapi.json`, the OpenAPI document of `routes`, and `/api/docs/`, its page.
 *
 * Both are made when first asked for: neither is needed to serve, and Swagger UI takes its time to load. Its page is a
 * fastify instance of its own that never listens.
 */
export function addDocsRoutes(
  app: FastifyInstance,
  api: ApiDescription,
  routes: readonly DescribedRoute[],
): void {
  // Bytes, which all answers share; a text would be encoded for each.
  let json: Buffer | undefined
  let page: Promise<FastifyInstance> | undefined

  app.get(
    '/api/openapi.json',
    { config: { operation: OPENAPI, access: 'open' } },
    async (_request, reply) => {
      json ??= Buffer.from(JSON.stringify(openApiDocument(api, routes)))
      return reply.header('content-type', 'application/json; charset=utf-8').send(json)
    },
  )

  app.get(DOCS_PATH, OPEN, async (_request, reply) => reply.redirect(`${DOCS_PATH}/`, 308))
  app.get(`${DOCS_PATH}/`, { config: { operation: DOCS, access: 'open' } }, answerFromPage)
  app.get(`${DOCS_PATH}/*`, OPEN, answerFromPage)
  app.addHook('onClose', async () => {
    await (await page)?.close()
  })

  async function answerFromPage(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    page ??= import('./swagger-page.ts').then(({ createSwaggerPage }) =>
      createSwaggerPage(openApiDocument(api, routes), DOCS_PATH),
    )
    const answer = await (await page).inject({ method: 'GET', url: request.url, headers: request.headers })
    if (answer.statusCode === 404) {
      reply.callNotFound()
      return reply
    }
    for (const name of PASSED_ON) {
      const value = answer.headers[name]
      if (value !== undefined) reply.header(name, value)
    }
    return reply
      .code(answer.statusCode)
      .headers({ 'content-security-policy': PAGE_POLICY, 'cache-control': 'no-cache' })
      .send(answer.rawPayload)
  }
}

const OPENAPI: Operation = {
  operationId: 'openapi',
  summary: 'This document',
  tags: ['documentation'],
  responses: {
    '200': {
      description: 'An OpenAPI 3.1 document.',
      content: { 'application/json': { schema: { type: 'object' } } },
    },
  },
}

const DOCS: Operation = {
  operationId: 'docs',
  summary: 'This document as a page to read and try',
  tags: ['documentation'],
  responses: {
    '200': { description: 'Swagger UI.', content: { 'text/html': { schema: { type: 'string' } } } },
  },
}
