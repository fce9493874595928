import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isIP } from 'node:net'
import type { Endpoint } from '../event/event.ts'
import { ProxyError } from './proxy-error.ts'

export interface UpstreamLimits {
  /** Connections to one upstream. */
  readonly connections: number
}

/** An unused connection is given up after this, before most servers give it up: one that they close while a request is
 * on its way to them fails that request. */
const UNUSED_MS = 4000

const MAX_UNUSED = 256

/** A server that requests are forwarded to, and the connections to it. */
export class Upstream {
  readonly url: URL
  readonly agent: HttpAgent | HttpsAgent
  /** What its sidecar, where it has one, last said it is. */
  identity: Endpoint | undefined

  /** Throws a ProxyError where `url` is not `http(s)://host[:port]`. */
  constructor(url: string, limits: UpstreamLimits) {
    this.url = upstreamUrl(url)
    const options = {
      keepAlive: true,
      maxSockets: limits.connections,
      maxFreeSockets: MAX_UNUSED,
      timeout: UNUSED_MS,
    }
    this.agent = this.isTls ? new HttpsAgent(options) : new HttpAgent(options)
  }

  get isTls(): boolean {
    return this.url.protocol === 'https:'
  }

  /** Where it is, as Node's client takes it: without the brackets of an IPv6 address. */
  get address(): { readonly protocol: string; readonly hostname: string; readonly port: string } {
    const { protocol, hostname, port } = this.url
    return { protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port }
  }

  /** The name that its certificate must have: its own, not the one in the request's Host, which Node would take. */
  get serverName(): string {
    const { hostname } = this.address
    return isIP(hostname) === 0 ? hostname : ''
  }

  close(): void {
    this.agent.destroy()
  }
}

function upstreamUrl(text: string): URL {
  const url = URL.parse(text)
  const isHttp = url !== null && (url.protocol === 'http:' || url.protocol === 'https:')
  if (!isHttp || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new ProxyError(
      'PROXY_UPSTREAM_INVALID',
      `the upstream is ${JSON.stringify(text)}: it must be a URL such as http://127.0.0.1:3000, with no path, since ` +
        'requests keep theirs',
    )
  }
  return url
}
