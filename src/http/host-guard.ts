import { isIPv4 } from 'node:net'
import { HttpProblem } from './problem.ts'

/**
 * Keeps pages of other sites from reading a server that only this machine, or only this network, can reach.
 *
 * - DNS rebinding: a page of `evil.example` makes its own name resolve to 127.0.0.1, and its requests then arrive with
 *   `Host: evil.example`. So the host must be one that nobody else can point here: `localhost`, a literal IP address, or a
 *   name that was configured.
 * - Cross-site websockets and posts: browsers send `Origin` with them. It must be absent, or the host asked for, or a
 *   configured name.
 */
export class HostGuard {
  readonly #exact = new Set<string>()
  readonly #suffixes: string[] = []
  readonly #any: boolean

  /** `allowedHosts` are names without port; `.example.com` stands for its subdomains as well, `*` for any host. */
  constructor(allowedHosts: readonly string[] = []) {
    for (const host of allowedHosts) {
      const name = host.toLowerCase()
      this.#exact.add(name.startsWith('.') ? name.slice(1) : name)
      if (name.startsWith('.')) this.#suffixes.push(name)
    }
    this.#any = this.#exact.has('*')
  }

  /** Throws a 403 problem unless a request with these headers may be answered. */
  check(host: string | undefined, origin: string | undefined): void {
    // HTTP/1.1 without Host never gets here (Node answers 400), and browsers do not speak HTTP/1.0.
    const asked = host === undefined ? undefined : parseHost(host)
    if (host !== undefined && !this.#any && (asked === undefined || !this.#allows(asked.name))) {
      throw new HttpProblem(
        403,
        'HOST_NOT_ALLOWED',
        `the host "${host}" is neither localhost, nor an IP address, nor one of the allowed hosts; ` +
          'add its name to them (--allowed-hosts) if this server is to be reached by it',
      )
    }
    if (origin !== undefined && !this.#allowsOrigin(origin, asked)) {
      throw new HttpProblem(
        403,
        'ORIGIN_NOT_ALLOWED',
        `pages of "${origin}" may not use this server, which was asked for as "${host ?? ''}"`,
      )
    }
  }

  #allows(name: string): boolean {
    return isLoopbackName(name) || isAddress(name) || this.#isConfigured(name)
  }

  #isConfigured(name: string): boolean {
    return this.#exact.has(name) || this.#suffixes.some((suffix) => name.endsWith(suffix))
  }

  #allowsOrigin(origin: string, asked: HostAndPort | undefined): boolean {
    // `null` is what sandboxed frames and local files send: it could be anyone.
    if (!URL.canParse(origin)) return false
    const url = new URL(origin)
    const name = url.hostname
    if (this.#isConfigured(name)) return true
    if (asked === undefined || name !== asked.name) return false
    const defaultPort = url.protocol === 'https:' ? '443' : '80'
    return (url.port || defaultPort) === (asked.port || defaultPort)
  }
}

interface HostAndPort {
  readonly name: string
  readonly port: string
}

const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/

function parseHost(host: string): HostAndPort | undefined {
  const match = HOST.exec(host.toLowerCase())
  if (match === null) return undefined
  const [, name = '', port = ''] = match
  return { name: name.endsWith('.') ? name.slice(0, -1) : name, port }
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || isIPv4(name)
}
