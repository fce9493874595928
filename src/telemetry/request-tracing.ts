import type { FastifyInstance, FastifyRequest } from 'fastify'
import { TRACEPARENT } from './traceparent.ts'
import type { Tracer } from './tracer.ts'

/** Asked for by machines, all the time. */
const UNTRACED = new Set(['/livez', '/readyz', '/metrics'])

/**
 * Makes a span of every request to a route, which continues the `traceparent` that it came with. What is streamed has none:
 * it may last for days.
 */
export function traceRequests(app: FastifyInstance, tracer: Tracer): void {
  app.addHook('onRequest', (request, { raw }, done) => {
    const route = request.routeOptions.url
    if (route === undefined || !isTraced(request, route)) {
      done()
      return
    }
    const traceparent = request.headers[TRACEPARENT]
    const span = tracer.begin(`${request.method} ${route}`, {
      kind: 'server',
      parent: typeof traceparent === 'string' ? traceparent : undefined,
      attributes: {
        'http.request.method': request.method,
        'http.route': route,
        'url.scheme': request.protocol,
        'url.path': request.url.split('?', 1)[0]!,
      },
    })
    raw.once('close', () => {
      if (!raw.writableFinished) span.fail('the client went before it was answered')
      else {
        span.set({ 'http.response.status_code': raw.statusCode })
        if (raw.statusCode >= 500) span.fail(`answered ${raw.statusCode}`)
      }
      span.end()
    })
    span.run(done)
  })
}

function isTraced(request: FastifyRequest, route: string): boolean {
  const { method, headers, url } = request
  if (request.is404 || UNTRACED.has(route) || request.routeOptions.config.isStream === true) return false
  if (method !== 'GET') return true
  return (
    headers.upgrade === undefined &&
    !(headers.accept ?? '').includes('application/x-ndjson') &&
    !/[?&]stream=true(&|$)/.test(url)
  )
}
