import type { IncomingMessage } from 'node:http'
import type { Direction, Endpoint, Header, RequestEvent } from '../event/event.ts'
import { MAX_LATENCY_MICROS } from '../event/limits.ts'
import { grpcStatusOf, traceIdOf } from '../reporter/message-facts.ts'
import type { Failure, FailureReason } from './failure.ts'
import { capturedHeaders } from './message-headers.ts'
import type { RequestLine } from './request-line.ts'

export interface ExchangeContext {
  readonly direction: Direction
  /** Id of the reporting proxy. */
  readonly proxy: string | undefined
  /** Names, in lower case, of headers that are reported. */
  readonly headers: ReadonlySet<string>
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds that never go back, with a fraction. */
  readonly monotonicMs: () => number
  readonly report: (event: RequestEvent) => void
}

/** One request and its response, as they pass: counted, timed, and reported once when the exchange ends. */
export class Exchange {
  requestBytes = 0
  responseBytes = 0
  isTls = false
  source: Endpoint | undefined
  destination: Endpoint = {}
  readonly #context: ExchangeContext
  readonly #request: IncomingMessage
  readonly line: RequestLine
  readonly #startMs: number
  readonly #requestHeaders: readonly Header[]
  #responseHeaders: readonly Header[] = []
  #status: number | undefined
  #grpcStatus: number | undefined
  #reason: FailureReason | undefined
  #isEnded = false

  constructor(context: ExchangeContext, request: IncomingMessage, line: RequestLine) {
    this.#context = context
    this.#request = request
    this.line = line
    this.#startMs = context.monotonicMs()
    this.#requestHeaders = capturedHeaders(request.rawHeaders, context.headers)
  }

  /** Takes down the head of the response that the upstream sent. */
  responded(response: IncomingMessage): void {
    this.#status = response.statusCode
    this.#grpcStatus = grpcStatusOf(response.headers['grpc-status'])
    this.#responseHeaders = capturedHeaders(response.rawHeaders, this.#context.headers)
  }

  /** Takes down the trailers. */
  trailed(response: IncomingMessage): void {
    this.#grpcStatus ??= grpcStatusOf(response.trailers['grpc-status'])
  }

  /** Takes down that the proxy answers itself. */
  failed(failure: Failure): void {
    this.#status = failure.status
    this.#reason = failure.reason
  }

  /** Reports the exchange, unless it was: with `reset`, because its stream was cut for that reason. */
  end(reset?: FailureReason): void {
    if (this.#isEnded) return
    this.#isEnded = true
    const { direction, proxy, now, monotonicMs, report } = this.#context
    const { method, headers } = this.#request
    const micros = Math.round((monotonicMs() - this.#startMs) * 1000)
    const reason = reset ?? this.#reason
    const traceId = traceIdOf(headers['traceparent'])
    report({
      kind: 'request',
      timeMs: now(),
      direction,
      ...(proxy === undefined ? {} : { proxy }),
      ...(this.source === undefined ? {} : { source: this.source }),
      destination: this.destination,
      tls: this.isTls,
      ...(method === undefined ? {} : { method }),
      scheme: this.isTls ? 'https' : 'http',
      ...(this.line.authority === undefined ? {} : { authority: this.line.authority }),
      path: this.line.path,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(this.#grpcStatus === undefined ? {} : { grpcStatus: this.#grpcStatus }),
      ...(reset === undefined ? {} : { reset: true }),
      ...(reason === undefined ? {} : { reason }),
      latencyMicros: Math.min(Math.max(micros, 0), MAX_LATENCY_MICROS),
      requestBytes: this.requestBytes,
      responseBytes: this.responseBytes,
      ...(traceId === undefined ? {} : { traceId }),
      ...(this.#requestHeaders.length === 0 ? {} : { requestHeaders: this.#requestHeaders }),
      ...(this.#responseHeaders.length === 0 ? {} : { responseHeaders: this.#responseHeaders }),
    })
  }
}
