import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Readiness } from './health-routes.ts'
import { HostGuard } from './host-guard.ts'
import type { Page, PageAnswer } from './page.ts'
import { pathOf } from './path-of.ts'
import { HttpProblem, PROBLEM_CONTENT_TYPE } from './problem.ts'

/** How long `close` waits for answers under way. */
const CLOSE_GRACE_MS = 1000

const MAX_CONNECTIONS = 256

export interface StatusServerOptions {
  readonly ready: Readiness
  /** What else is answered, by path. What rejects with an `HttpProblem` answers that. */
  readonly pages?: Readonly<Record<string, Page>>
  /** Names, besides localhost and IP addresses, that the pages may be asked for by. */
  readonly allowedHosts?: readonly string[]
  readonly onError: (error: unknown) => void
}

/**
 * `/livez`, `/readyz` and a few pages for a role that serves nothing else: on Node alone, since loading a framework
 * would be a tenth of a second of each start.
 */
export class StatusServer {
  readonly #server: Server
  readonly #options: StatusServerOptions
  readonly #guard: HostGuard

  constructor(options: StatusServerOptions) {
    this.#options = options
    this.#guard = new HostGuard(options.allowedHosts)
    this.#server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, (request, response) => {
      void this.#answer(request, response)
    })
    this.#server.maxConnections = MAX_CONNECTIONS
  }

  /** `http://127.0.0.1:9465`, once it listens. */
  get listeningOrigin(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') return ''
    return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  }

  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const cut = setTimeout(() => this.#server.closeAllConnections(), CLOSE_GRACE_MS)
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    clearTimeout(cut)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }
    try {
      const answer = await this.#page(request)
      response.writeHead(200, { ...headers, ...answer.headers })
      await send(answer.body, response, request.method === 'HEAD')
    } catch (error) {
      if (!(error instanceof HttpProblem) && !isGone(error)) this.#options.onError(error)
      // A body that breaks off must not look like a whole one.
      if (response.headersSent) {
        response.destroy()
        return
      }
      const problem =
        error instanceof HttpProblem
          ? error
          : new HttpProblem(500, 'INTERNAL', 'the server failed to answer; its log says why')
      response.writeHead(problem.status, {
        ...headers,
        ...problem.headers,
        'content-type': PROBLEM_CONTENT_TYPE,
      })
      response.end(JSON.stringify(problem.toProblem()))
    }
  }

  async #page({ method, url = '', headers }: IncomingMessage): Promise<PageAnswer> {
    const { ready, pages = {} } = this.#options
    const path = pathOf(url)
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined
    const isProbe = path === '/livez' || path === '/readyz'
    if (!isProbe) this.#guard.check(headers.host, headers.origin)
    if (!isProbe && page === undefined) {
      const all = ['/livez', '/readyz', ...Object.keys(pages)].join(', ')
      throw new HttpProblem(404, 'NOT_FOUND', `there is nothing at ${path}, only ${all}`)
    }
    if (method !== 'GET' && method !== 'HEAD') {
      throw new HttpProblem(405, 'METHOD_NOT_ALLOWED', `${path} takes GET, HEAD, not ${method}`, {
        headers: { allow: 'GET, HEAD' },
      })
    }
    if (page !== undefined) {
      return page({
        parameters: new URLSearchParams(url.slice(path.length)),
        accept: headers.accept,
        acceptEncoding: [headers['accept-encoding'] ?? []].flat().join(','),
      })
    }
    if (path === '/readyz') {
      const { ready: isReady, reason = 'not ready' } = ready()
      if (!isReady) throw new HttpProblem(503, 'NOT_READY', reason, { retryAfterSeconds: 1 })
    }
    return { headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{"status":"ok"}' }
  }
}

async function send(body: string | Readable, response: ServerResponse, isHead: boolean): Promise<void> {
  if (typeof body === 'string') {
    response.end(isHead ? undefined : body)
    return
  }
  if (isHead) {
    body.destroy()
    response.end()
    return
  }
  await pipeline(body, response)
}

/** Whether this says that the client left. */
function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE'
}
