import type { ClientRequest } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { UpstreamTimeout } from './failure.ts'
import type { ProxyLimits } from './proxy-limits.ts'

/** One try to reach an upstream: whether it got through, and not for longer than it may take. */
export class UpstreamTry {
  readonly request: ClientRequest
  readonly #limits: ProxyLimits
  #isConnected = false

  constructor(request: ClientRequest, limits: ProxyLimits, onSocket: (socket: Socket) => void) {
    this.request = request
    this.#limits = limits
    const watch = (socket: Socket): void => {
      onSocket(socket)
      this.#watch(socket)
    }
    if (request.socket === null) request.once('socket', watch)
    else watch(request.socket)
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Whether it went out on a connection that was kept, and that the upstream closed in that moment. */
  isStale(error: Error): boolean {
    const code = 'code' in error ? error.code : undefined
    return this.request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')
  }

  /** The answer began: it may take as long as it takes. */
  answered(): void {
    this.request.setTimeout(0)
  }

  #watch(socket: Socket): void {
    const { connectTimeoutMs, responseTimeoutMs } = this.#limits
    if (!socket.connecting) return this.#connected(responseTimeoutMs)
    const timer = setTimeout(() => {
      this.request.destroy(
        new UpstreamTimeout(`the upstream took no connection within ${connectTimeoutMs} ms`),
      )
    }, connectTimeoutMs)
    socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      this.#connected(responseTimeoutMs)
    })
    this.request.once('close', () => clearTimeout(timer))
  }

  #connected(responseTimeoutMs: number): void {
    this.#isConnected = true
    this.request.setTimeout(responseTimeoutMs, () => {
      this.request.destroy(
        new UpstreamTimeout(`the upstream did not begin its answer within ${responseTimeoutMs} ms`),
      )
    })
  }
}
