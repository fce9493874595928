import type { Endpoint, RequestEvent } from '../event/event.ts'
import { grpcStatusOf, microsSince, traceIdOf } from './message-facts.ts'
import { outboundReason } from './outbound-reason.ts'

/** A request that this program sends, and its response, reported once when that has ended or failed. */
export class OutboundRequest {
  readonly facts: Pick<RequestEvent, 'proxy' | 'tls' | 'method' | 'scheme' | 'authority' | 'path'> & {
    readonly source: Endpoint
    readonly destination: Endpoint
    readonly traceparent: string | undefined
  }
  /** Of the body, as far as can be told before and while it is read. */
  requestBytes = 0
  /** Of what undici says that it has sent, which it does not say to every handler. */
  sentBytes = 0
  responseBytes = 0
  /** It has a connection. */
  isStarted = false
  /** This program gave it up. */
  isAborted = false
  readonly #reporter: { report(event: RequestEvent): void }
  readonly #startMs = performance.now()
  #status: number | undefined
  #grpcStatus: number | undefined
  #isReported = false

  constructor(reporter: { report(event: RequestEvent): void }, facts: OutboundRequest['facts']) {
    this.#reporter = reporter
    this.facts = facts
  }

  responded(status: number, grpcStatus: string | undefined): void {
    // Informational ones come before.
    if (status < 200 && status !== 101) return
    this.#status = status
    this.#grpcStatus = grpcStatusOf(grpcStatus)
  }

  ended(grpcStatus: string | undefined): void {
    this.#grpcStatus ??= grpcStatusOf(grpcStatus)
    this.#report(undefined)
  }

  failed(error: unknown): void {
    this.#report(this.isAborted ? 'client-abort' : outboundReason(error, this.isStarted))
  }

  #report(reason: string | undefined): void {
    if (this.#isReported) return
    this.#isReported = true
    const { traceparent, ...facts } = this.facts
    const traceId = traceIdOf(traceparent)
    this.#reporter.report({
      kind: 'request',
      timeMs: Date.now(),
      direction: 'outbound',
      ...facts,
      ...(this.#status === undefined ? {} : { status: this.#status }),
      ...(this.#grpcStatus === undefined ? {} : { grpcStatus: this.#grpcStatus }),
      ...(reason === undefined ? {} : { reset: true, reason }),
      latencyMicros: microsSince(this.#startMs),
      requestBytes: this.sentBytes || this.requestBytes,
      responseBytes: this.responseBytes,
      ...(traceId === undefined ? {} : { traceId }),
    })
  }
}
