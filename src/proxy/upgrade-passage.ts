import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { answerFailureOn } from './answers.ts'
import type { Exchange } from './exchange.ts'
import { upstreamFailure } from './failure.ts'
import { type Passage, type PassageContext, prepareHeaders, writeRequestHead } from './passage.ts'
import { DESTINATION_HEADER } from './peer-header.ts'
import type { Hop } from './side.ts'
import { UpstreamTry } from './upstream-try.ts'

/**
 * A websocket on its way through. It is reported when it is established: what it carries afterwards are bytes of the
 * connection, not a response that took an hour.
 */
export class UpgradePassage implements Passage {
  readonly #context: PassageContext
  readonly #exchange: Exchange
  readonly #hop: Hop
  readonly #request: IncomingMessage
  readonly #socket: Socket
  readonly #dropped: ReadonlySet<string>
  #try: UpstreamTry | undefined
  #isAnswered = false

  constructor(
    context: PassageContext,
    exchange: Exchange,
    hop: Hop,
    request: IncomingMessage,
    socket: Socket,
  ) {
    this.#context = context
    this.#exchange = exchange
    this.#hop = hop
    this.#request = request
    this.#socket = socket
    this.#dropped = prepareHeaders(request, ['connection', 'upgrade'])
  }

  send(upstreamRequest: ClientRequest): void {
    const { limits, onUpstreamSocket } = this.#context
    const socket = this.#socket
    const attempt = new UpstreamTry(upstreamRequest, limits, (upstreamSocket) => {
      onUpstreamSocket(upstreamSocket, this.#hop)
    })
    this.#try = attempt
    writeRequestHead(upstreamRequest, this.#request, this.#exchange, this.#hop, this.#dropped)
    socket.once('close', () => upstreamRequest.destroy())
    const stopWatching = watchForEnd(socket)
    upstreamRequest.once('close', stopWatching)
    upstreamRequest.on('upgrade', (response, upstreamSocket: Socket) => {
      stopWatching()
      this.#answered(response)
      this.#exchange.end()
      // httpxy ends one side when the other ends, but a side that is cut ends nothing.
      socket.once('close', () => upstreamSocket.destroy())
      upstreamSocket.once('close', () => socket.destroySoon())
    })
    upstreamRequest.on('response', (response) => {
      this.#answered(response)
      response.on('data', (chunk: Buffer) => (this.#exchange.responseBytes += chunk.length))
      response.once('close', () => this.#exchange.end(response.complete ? undefined : 'upstream-reset'))
    })
  }

  respond(): void {}

  fail(error: Error): void {
    if (this.#isAnswered) return
    this.#isAnswered = true
    answerFailureOn(this.#socket, this.#exchange, upstreamFailure(error, this.#try?.isConnected ?? false))
  }

  /** Runs before httpxy, which writes the response's headers to the client as it finds them. */
  #answered(response: IncomingMessage): void {
    const { responseHeader } = this.#hop
    this.#isAnswered = true
    this.#try?.answered()
    this.#context.side.learn(this.#hop, response)
    this.#exchange.destination = this.#hop.destination
    this.#exchange.responded(response)
    delete response.headers[DESTINATION_HEADER]
    if (responseHeader !== undefined) response.headers[responseHeader[0]] = responseHeader[1]
  }
}

/** Closes a connection whose client leaves while nothing reads from it, which alone would not be noticed. */
function watchForEnd(socket: Socket): () => void {
  const onReadable = (): void => {
    // What it sends early stays where it is.
    if (socket.readableLength === 0) socket.read()
  }
  const onEnd = (): void => void socket.destroy()
  socket.on('readable', onReadable).on('end', onEnd)
  return () => socket.off('readable', onReadable).off('end', onEnd)
}
