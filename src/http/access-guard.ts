import type { FastifyInstance, FastifyRequest } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may ask: anyone, because the answer holds nothing that is not public, or whom the server lets in. A server that
     * guards its routes has none that does not say.
     */
    access?: 'open' | 'granted'
  }
}

export interface GuardedRoute {
  readonly method: string
  readonly url: string
  readonly access: 'open' | 'granted'
  readonly isWebsocket: boolean
}

/**
 * Lets only requests that `admit` does not refuse reach the routes that are not open. To be called before routes are added;
 * what it returns are all that are.
 */
export function guardRoutes(
  app: FastifyInstance,
  admit: (request: FastifyRequest) => Promise<void>,
): readonly GuardedRoute[] {
  const routes: GuardedRoute[] = []
  app.addHook('onRoute', (route) => {
    const { url, config } = route
    if (config?.access === undefined) throw new Error(`BUG: the route ${url} does not say who may ask for it`)
    const isWebsocket = 'wsHandler' in route
    for (const method of [route.method].flat())
      routes.push({ method, url, access: config.access, isWebsocket })
  })
  app.addHook('onRequest', async (request) => {
    if (request.is404 || request.routeOptions.config.access === 'open') return
    await admit(request)
  })
  return routes
}
