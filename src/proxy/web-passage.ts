import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { answerFailure } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { type FailureReason, malformedAnswer, upstreamFailure } from './failure.ts'
import { pairs } from './message-headers.ts'
import { type Passage, type PassageContext, prepareHeaders, writeRequestHead } from './passage.ts'
import { writeResponseHead } from './response-head.ts'
import type { Hop } from './side.ts'
import { UpstreamTry } from './upstream-try.ts'

/** Methods that may be sent twice (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** A request and its response on their way through. */
export class WebPassage implements Passage {
  readonly #context: PassageContext
  readonly #exchange: Exchange
  readonly #hop: Hop
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #dropped: ReadonlySet<string>
  /** Sends the request again, on a new connection. */
  readonly #retry: () => void
  #isRetried = false
  #try: UpstreamTry | undefined
  #hasResponse = false
  #cut: FailureReason | undefined

  constructor(
    context: PassageContext,
    exchange: Exchange,
    hop: Hop,
    response: ServerResponse,
    retry: () => void,
  ) {
    this.#context = context
    this.#exchange = exchange
    this.#hop = hop
    this.#request = response.req
    this.#response = response
    this.#retry = retry
    this.#dropped = prepareHeaders(this.#request)
  }

  /** Why the response was cut off, where it was not the client who did it. */
  get cut(): FailureReason | undefined {
    return this.#cut
  }

  send(upstreamRequest: ClientRequest): void {
    const { limits, onUpstreamSocket } = this.#context
    const request = this.#request
    this.#try = new UpstreamTry(upstreamRequest, limits, (socket) => onUpstreamSocket(socket, this.#hop))
    writeRequestHead(upstreamRequest, request, this.#exchange, this.#hop, this.#dropped)
    if (this.#isRetried) return
    // httpxy pipes the request next, in the same event: nothing flows before that.
    request.on('data', (chunk: Buffer) => (this.#exchange.requestBytes += chunk.length))
    request.once('end', () => {
      if (request.rawTrailers.length > 0) upstreamRequest.addTrailers(pairs(request.rawTrailers))
    })
  }

  respond(upstreamResponse: IncomingMessage): void {
    const { side, isClosing } = this.#context
    const exchange = this.#exchange
    const response = this.#response
    const { responseHeader } = this.#hop
    this.#try?.answered()
    this.#hasResponse = true
    side.learn(this.#hop, upstreamResponse)
    exchange.destination = this.#hop.destination
    if (isClosing()) response.shouldKeepAlive = false
    try {
      if (upstreamResponse.statusCode === 101)
        throw new Error('it switches protocols, and nobody asked for that')
      writeResponseHead(upstreamResponse, response, responseHeader === undefined ? [] : [responseHeader])
    } catch (error) {
      upstreamResponse.on('error', ignore).destroy()
      answerFailure(exchange, malformedAnswer(error), response)
      return
    }
    exchange.responded(upstreamResponse)

    upstreamResponse.on('data', (chunk: Buffer) => (exchange.responseBytes += chunk.length))
    upstreamResponse.on('end', () => {
      exchange.trailed(upstreamResponse)
      if (upstreamResponse.rawTrailers.length > 0) response.addTrailers(pairs(upstreamResponse.rawTrailers))
    })
    const onCut = (): void => {
      if (!upstreamResponse.complete) this.#cut ??= 'upstream-reset'
    }
    upstreamResponse.on('error', onCut).on('close', onCut)
    upstreamResponse.pipe(response)
    // A head without a body yet, as of a stream of events, must not wait for one; with one, both go in one packet.
    setImmediate(() => {
      if (exchange.responseBytes === 0 && !response.writableEnded) response.flushHeaders()
    })
  }

  fail(error: Error): void {
    const { method = '' } = this.#request
    const response = this.#response
    if (this.#hasResponse || response.headersSent || response.destroyed) return
    const isBodiless = this.#request.complete && this.#exchange.requestBytes === 0
    if (this.#try?.isStale(error) && !this.#isRetried && SAFE_METHODS.has(method) && isBodiless) {
      this.#isRetried = true
      this.#retry()
      return
    }
    if (this.#context.isClosing()) response.shouldKeepAlive = false
    answerFailure(this.#exchange, upstreamFailure(error, this.#try?.isConnected ?? false), response)
  }
}

function ignore(): void {}
