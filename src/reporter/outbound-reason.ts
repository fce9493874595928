const TIMEOUTS: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
])

/** The program gave the request up, or the dispatcher that it was given to. */
const ABORTS: ReadonlySet<string> = new Set([
  'UND_ERR_ABORTED',
  'UND_ERR_DESTROYED',
  'UND_ERR_CLOSED',
  'ABORT_ERR',
])

/** The request could not be sent as it was asked for. */
const MISTAKES: ReadonlySet<string> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])

const NOT_HTTP = /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|RESPONSE))/

/** Why a request failed, in the words that `meshtap proxy` uses; `request-error` is a mistake of the sender. */
export function outboundReason(error: unknown, isConnected: boolean): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const name = error instanceof Error ? error.name : ''
  if (ABORTS.has(code) || name === 'AbortError') return 'client-abort'
  if (TIMEOUTS.has(code) || name === 'TimeoutError') return 'upstream-timeout'
  if (MISTAKES.has(code)) return 'request-error'
  if (NOT_HTTP.test(code) || name === 'HTTPParserError') return 'upstream-protocol-error'
  return isConnected ? 'upstream-reset' : 'upstream-connect-failure'
}
