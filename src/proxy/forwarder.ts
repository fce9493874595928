import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { createProxyServer, type ProxyServerOptions } from 'httpxy'
import { answerFailure, answerFailureOn } from './answers.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import type { FailureReason } from './failure.ts'
import type { Passage, PassageContext } from './passage.ts'
import type { ProxyLimits } from './proxy-limits.ts'
import { requestLine } from './request-line.ts'
import type { Hop, Refusal, Side } from './side.ts'
import { UpgradePassage } from './upgrade-passage.ts'
import { WebPassage } from './web-passage.ts'

export interface ForwarderOptions extends Omit<ExchangeContext, 'direction'> {
  readonly side: Side
  readonly limits: ProxyLimits
  /** Called with each connection to an upstream that a request is sent on. */
  readonly onUpstreamSocket?: (socket: Socket, hop: Hop) => void
}

export interface ForwarderStats {
  requests: number
  websockets: number
  /** Requests sent a second time, because the upstream closed the connection kept for them. */
  retries: number
}

/**
 * Passes requests on to where their side sends them, and the responses back, as streams, and has each exchange reported.
 *
 * httpxy carries the requests and tunnels the websockets. What a sidecar needs beyond that is in the passages: headers as
 * they were written, trailers, deadlines, answers for failures, and the account of what passed.
 */
export class Forwarder {
  readonly stats: ForwarderStats = { requests: 0, websockets: 0, retries: 0 }
  readonly #options: ForwarderOptions
  readonly #exchanges: ExchangeContext
  readonly #context: PassageContext
  readonly #proxy = createProxyServer()
  readonly #passages = new WeakMap<IncomingMessage, Passage>()
  /** What ends the exchanges of a connection when it closes. */
  readonly #ends = new WeakMap<Socket, Set<() => void>>()
  #isClosing = false
  /** Exchanges that have not ended. */
  #underWay = 0
  #onIdle: (() => void) | undefined

  constructor(options: ForwarderOptions) {
    this.#options = options
    this.#exchanges = {
      ...options,
      direction: options.side.direction,
      report: (event) => {
        options.report(event)
        if (--this.#underWay === 0) this.#onIdle?.()
      },
    }
    this.#context = {
      side: options.side,
      limits: options.limits,
      isClosing: () => this.#isClosing,
      onUpstreamSocket: options.onUpstreamSocket ?? (() => {}),
    }
    const send = (upstreamRequest: ClientRequest, request: IncomingMessage): void => {
      attempt(() => this.#passages.get(request)?.send(upstreamRequest), upstreamRequest)
    }
    this.#proxy.on('proxyReq', send)
    this.#proxy.on('proxyReqWs', send)
    this.#proxy.on('proxyRes', (upstreamResponse, request) => {
      attempt(() => this.#passages.get(request)?.respond(upstreamResponse), upstreamResponse)
    })
    this.#proxy.on('error', (error, request) => {
      if (request !== undefined) this.#passages.get(request)?.fail(error)
    })
  }

  /** From now on clients are asked to go, and what is cut, the proxy cuts. */
  closing(): void {
    this.#isClosing = true
  }

  /** Resolves when every exchange has ended, and so was reported. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#onIdle = resolve))
  }

  readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    this.stats.requests++
    const { exchange, admitted } = this.#admit(request)
    let passage: WebPassage | undefined
    this.#endWith(request.socket, response, () => {
      exchange.end(response.writableFinished ? undefined : (passage?.cut ?? this.#abortReason))
    })
    if ('refusal' in admitted) return answerFailure(exchange, admitted.refusal, response)
    const retry = (): void => {
      this.stats.retries++
      forward({ agent: false })
    }
    const forward = (options: ProxyServerOptions): void => {
      this.#proxy.web(request, response, this.#target(admitted, options)).catch(ignore)
    }
    passage = new WebPassage(this.#context, exchange, admitted, response, retry)
    this.#passages.set(request, passage)
    forward({ agent: admitted.upstream.agent })
  }

  /** Takes a request that `isWebSocket`. */
  readonly onUpgrade = (request: IncomingMessage, socket: Socket, head: Buffer): void => {
    this.stats.websockets++
    socket.on('error', ignore)
    const { exchange, admitted } = this.#admit(request)
    if ('refusal' in admitted) return answerFailureOn(socket, exchange, admitted.refusal)
    this.#passages.set(request, new UpgradePassage(this.#context, exchange, admitted, request, socket))
    socket.once('close', () => exchange.end(this.#abortReason))
    this.#proxy.ws(request, socket, this.#target(admitted, {}), head).catch(ignore)
  }

  #admit(request: IncomingMessage): { exchange: Exchange; admitted: Hop | Refusal } {
    const { side } = this.#options
    const line = requestLine(request)
    this.#underWay++
    const exchange = new Exchange(this.#exchanges, request, line)
    const admitted = side.admit(request, line.authority)
    exchange.source = admitted.source
    exchange.destination = admitted.destination
    exchange.isTls = 'upstream' in admitted && side.direction === 'outbound' && admitted.upstream.isTls
    return { exchange, admitted }
  }

  /**
   * Has `end` called when the response closes. One that waits behind others does not close in Node 22 when the connection
   * is cut, so that counts too.
   */
  #endWith(socket: Socket, response: ServerResponse, end: () => void): void {
    let ends = this.#ends.get(socket)
    if (ends === undefined) {
      const all = (ends = new Set())
      this.#ends.set(socket, all)
      socket.once('close', () => all.forEach((end) => end()))
    }
    const known = ends.add(end)
    response.once('close', () => {
      known.delete(end)
      end()
    })
  }

  #target({ upstream }: Hop, options: ProxyServerOptions): ProxyServerOptions {
    return {
      target: upstream.address,
      selfHandleResponse: true,
      // What httpxy calls `ssl` is where the options of the request start from; it changes the object.
      ssl: {
        maxHeaderSize: this.#options.limits.headerBytes,
        ...(upstream.isTls ? { servername: upstream.serverName } : {}),
      },
      ...options,
    }
  }

  get #abortReason(): FailureReason {
    return this.#isClosing ? 'proxy-shutdown' : 'client-abort'
  }
}

export function isWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/** Events of a stream are no place to throw from: what goes wrong with one request fails that request. */
function attempt(step: () => void, stream: { destroy(error: Error): unknown }): void {
  try {
    step()
  } catch (error) {
    stream.destroy(error instanceof Error ? error : new Error(String(error)))
  }
}

function ignore(): void {}
