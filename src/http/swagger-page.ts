import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { type FastifyInstance, fastify } from 'fastify'

/** An instance that serves Swagger UI for `document` under `prefix`, from files of its package: it works offline. */
export async function createSwaggerPage(
  document: Record<string, unknown>,
  prefix: string,
): Promise<FastifyInstance> {
  const app = fastify()
  // The plugin's types know documents of OpenAPI 2 and 3.0; it passes any through as it is.
  await app.register(swagger, { mode: 'static', specification: { document: document as never } })
  await app.register(swaggerUi, {
    routePrefix: prefix,
    uiConfig: { deepLinking: true, docExpansion: 'list', defaultModelsExpandDepth: 0 },
    theme: { title: 'meshtap API' },
  })
  await app.ready()
  return app
}
