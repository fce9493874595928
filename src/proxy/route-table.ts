import { parseAuthority } from '../reporter/authority.ts'
import { ProxyError } from './proxy-error.ts'
import { Upstream, type UpstreamLimits } from './upstream.ts'

export interface RouteOptions {
  /** `host:port`, or `host` for any port, or `*` for what no other route names. */
  readonly authority: string
  /** Where its requests go, in turn. */
  readonly upstreams: readonly string[]
}

interface Route {
  readonly upstreams: readonly Upstream[]
  next: number
}

/** Authorities that are not in a route, kept with their connections; beyond it the one not used for longest goes. */
const MAX_UNROUTED = 256

/** Which upstream an authority leads to. Without any route, each authority leads to itself. */
export class RouteTable {
  readonly #routes = new Map<string, Route>()
  readonly #limits: UpstreamLimits
  /** In order of use. */
  readonly #unrouted = new Map<string, Upstream>()

  /** Throws a ProxyError where a route is malformed or given twice. */
  constructor(routes: readonly RouteOptions[], limits: UpstreamLimits) {
    this.#limits = limits
    for (const { authority, upstreams } of routes) {
      const key = authority === '*' ? '*' : keyOf(authority)
      if (key === undefined || upstreams.length === 0) {
        throw new ProxyError(
          'PROXY_OPTION_INVALID',
          `the route of ${JSON.stringify(authority)} must be of a host such as voting-svc.emojivoto:80, or of *, and ` +
            'lead somewhere',
        )
      }
      if (this.#routes.has(key)) {
        throw new ProxyError(
          'PROXY_OPTION_INVALID',
          `there are two routes of ${authority}: give one with both URLs`,
        )
      }
      this.#routes.set(key, { upstreams: upstreams.map((url) => new Upstream(url, limits)), next: 0 })
    }
  }

  /** The authorities that have a route. */
  get authorities(): readonly string[] {
    return [...this.#routes.keys()]
  }

  find(authority: string | undefined): Upstream | undefined {
    const parsed = authority === undefined ? undefined : parseAuthority(authority)
    if (this.#routes.size === 0) return parsed && this.#itself(joinKey(parsed.host, parsed.port))
    const route =
      (parsed && this.#routes.get(joinKey(parsed.host, parsed.port))) ??
      (parsed && this.#routes.get(joinKey(parsed.host, 0))) ??
      this.#routes.get('*')
    if (route === undefined) return undefined
    const upstream = route.upstreams[route.next]!
    route.next = (route.next + 1) % route.upstreams.length
    return upstream
  }

  close(): void {
    for (const { upstreams } of this.#routes.values()) for (const upstream of upstreams) upstream.close()
    for (const upstream of this.#unrouted.values()) upstream.close()
  }

  #itself(key: string): Upstream {
    const upstream = this.#unrouted.get(key) ?? new Upstream(`http://${key}`, this.#limits)
    this.#unrouted.delete(key)
    this.#unrouted.set(key, upstream)
    if (this.#unrouted.size > MAX_UNROUTED) {
      const [oldest, unused] = this.#unrouted.entries().next().value!
      this.#unrouted.delete(oldest)
      // Its requests under way go on: what is not used any more closes by itself.
      if (Object.keys(unused.agent.sockets).length === 0) unused.close()
    }
    return upstream
  }
}

function keyOf(authority: string): string | undefined {
  const parsed = parseAuthority(authority)
  return parsed && joinKey(parsed.host, parsed.port)
}

function joinKey(host: string, port: number): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === 0 ? name : `${name}:${port}`
}
