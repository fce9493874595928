export interface ProxyLimits {
  /** Connections that a listener holds, and that it opens to one upstream; further clients are closed at once. */
  readonly connections: number
  /** Bytes of a message's head, of requests and responses. */
  readonly headerBytes: number
  /** From a connection's first byte to the end of a request's head. */
  readonly headersTimeoutMs: number
  /** A connection on which nothing is asked for this long is closed. */
  readonly keepAliveMs: number
  readonly connectTimeoutMs: number
  /** Longest silence of an upstream before its answer begins. Afterwards it may be silent as long as it likes. */
  readonly responseTimeoutMs: number
  /** How long `close` waits for requests under way. */
  readonly closeGraceMs: number
  /** Time between reports on connections. */
  readonly connectionReportMs: number
}

export const DEFAULT_PROXY_LIMITS: ProxyLimits = {
  connections: 4096,
  headerBytes: 64 * 1024,
  headersTimeoutMs: 60_000,
  keepAliveMs: 65_000,
  connectTimeoutMs: 5000,
  responseTimeoutMs: 300_000,
  closeGraceMs: 5000,
  connectionReportMs: 10_000,
}
