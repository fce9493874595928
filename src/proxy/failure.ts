/** Why a request was not answered as its upstream would have: the `reason` of its event. */
export type FailureReason =
  /** No connection to the upstream. */
  | 'upstream-connect-failure'
  /** The upstream took too long, to connect or to begin its answer. */
  | 'upstream-timeout'
  /** The upstream cut the connection. */
  | 'upstream-reset'
  /** The upstream's answer is not HTTP. */
  | 'upstream-protocol-error'
  /** An outbound request for a host that no route names. */
  | 'no-route'
  /** An outbound request that came through an outbound sidecar already. */
  | 'loop'
  /** The client cut the connection before it had its answer. */
  | 'client-abort'
  /** The proxy was told to stop, and waited as long as it does. */
  | 'proxy-shutdown'

export interface Failure {
  readonly status: number
  readonly reason: FailureReason
  /** For the client. */
  readonly message: string
}

/** The proxy waited long enough. */
export class UpstreamTimeout extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UpstreamTimeout'
  }
}

/** What a client is told where its request to the upstream failed before there was an answer. */
export function upstreamFailure(error: Error, isConnected: boolean): Failure {
  if (error instanceof UpstreamTimeout) {
    return { status: 504, reason: 'upstream-timeout', message: error.message }
  }
  const code = 'code' in error ? String(error.code) : ''
  const why = error.message || code
  if (!isConnected) {
    return {
      status: 502,
      reason: 'upstream-connect-failure',
      message: `cannot connect to the upstream: ${why}`,
    }
  }
  if (code.startsWith('HPE_')) return malformedAnswer(error)
  return { status: 502, reason: 'upstream-reset', message: `the upstream cut the connection: ${why}` }
}

/** What a client is told where the upstream's answer cannot be read, or not be passed on. */
export function malformedAnswer(error: unknown): Failure {
  const why = error instanceof Error ? error.message : String(error)
  return {
    status: 502,
    reason: 'upstream-protocol-error',
    message: `the upstream's answer is malformed: ${why}`,
  }
}
