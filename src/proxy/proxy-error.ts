export type ProxyErrorCode =
  /** An upstream is no URL that requests can be forwarded to. */
  | 'PROXY_UPSTREAM_INVALID'
  /** An option has a value that it cannot have. */
  | 'PROXY_OPTION_INVALID'
  /** The address to listen on is taken, or not of this machine. */
  | 'PROXY_LISTEN_FAILED'

/** Why a proxy cannot start. */
export class ProxyError extends Error {
  readonly code: ProxyErrorCode

  constructor(code: ProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProxyError'
    this.code = code
  }
}
