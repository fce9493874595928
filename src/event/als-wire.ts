import { WIRE } from './protobuf-reader.ts'

/**
 * Tags and fields of Envoy's access logs, from `envoy/service/accesslog/v3/als.proto` and
 * `envoy/data/accesslog/v3/accesslog.proto`.
 */

function bytesTag(field: number): number {
  return (field << 3) | WIRE.bytes
}

function varintTag(field: number): number {
  return (field << 3) | WIRE.varint
}

export const MESSAGE_IDENTIFIER = bytesTag(1)
export const MESSAGE_HTTP_LOGS = bytesTag(2)
export const MESSAGE_TCP_LOGS = bytesTag(3)

export const LOGS_ENTRY = bytesTag(1)

export const HTTP_COMMON = bytesTag(1)
export const HTTP_REQUEST = bytesTag(3)
export const HTTP_RESPONSE = bytesTag(4)

export const TCP_COMMON = bytesTag(1)
export const TCP_CONNECTION = bytesTag(2)

export const CONNECTION_RECEIVED = varintTag(1)
export const CONNECTION_SENT = varintTag(2)

export const COMMON = {
  downstreamRemote: bytesTag(2),
  tls: bytesTag(4),
  startTime: bytesTag(5),
  lastReceived: bytesTag(6),
  firstUpstreamSent: bytesTag(7),
  lastUpstreamSent: bytesTag(8),
  firstUpstreamReceived: bytesTag(9),
  lastUpstreamReceived: bytesTag(10),
  firstSent: bytesTag(11),
  lastSent: bytesTag(12),
  upstreamRemote: bytesTag(13),
  upstreamCluster: bytesTag(15),
  responseFlags: bytesTag(16),
  routeName: bytesTag(19),
  downstreamDirectRemote: bytesTag(20),
  customTags: bytesTag(22),
  duration: bytesTag(23),
  attempts: varintTag(24),
  intermediate: varintTag(27),
  logType: varintTag(33),
} as const

export const REQUEST = {
  method: varintTag(1),
  scheme: bytesTag(2),
  authority: bytesTag(3),
  path: bytesTag(5),
  originalPath: bytesTag(10),
  bodyBytes: varintTag(12),
  headers: bytesTag(13),
} as const

export const RESPONSE = {
  code: bytesTag(1),
  bodyBytes: varintTag(3),
  headers: bytesTag(4),
  trailers: bytesTag(5),
  codeDetails: bytesTag(6),
} as const

export const TLS_LOCAL = bytesTag(4)
export const TLS_PEER = bytesTag(5)
export const CERTIFICATE_ALT_NAME = bytesTag(1)
export const ALT_NAME_URI = bytesTag(1)

export const ADDRESS_SOCKET = bytesTag(1)
export const ADDRESS_PIPE = bytesTag(2)
export const SOCKET_ADDRESS = bytesTag(2)
export const SOCKET_PORT = varintTag(3)

/** Of `Timestamp`, `Duration` and `UInt32Value`. */
export const FIRST_NUMBER = varintTag(1)
export const SECOND_NUMBER = varintTag(2)

export const PAIR_KEY = bytesTag(1)
export const PAIR_VALUE = bytesTag(2)

/** Wire type of each message's fields by number, -1 where there is no such field. What is beyond is not known to us. */
export const MESSAGE_FIELDS = [-1, 2, 2, 2]
export const LOGS_FIELDS = [-1, 2]
export const HTTP_FIELDS = [-1, 2, 0, 2, 2]
export const TCP_FIELDS = [-1, 2, 2]
export const CONNECTION_FIELDS = [-1, 0, 0]
// prettier-ignore
export const COMMON_FIELDS = [
  -1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 2, 2, 0, 2, 0, 0, 0, 0, 0,
]
export const REQUEST_FIELDS = [-1, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 2, 0, 0]
export const RESPONSE_FIELDS = [-1, 2, 0, 0, 2, 2, 2, 0, 0]
// prettier-ignore
export const FLAG_FIELDS = [
  -1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
]
export const TLS_FIELDS = [-1, 0, 2, 2, 2, 2, 2, 2]
export const CERTIFICATE_FIELDS = [-1, 2, 2, 2]
export const ALT_NAME_FIELDS = [-1, 2, 2]
export const ADDRESS_FIELDS = [-1, 2, 2, 2]
export const SOCKET_FIELDS = [-1, 0, 2, 0, 2, 2, 0]
export const NUMBER_FIELDS = [-1, 0]
export const TIME_FIELDS = [-1, 0, 0]
export const PAIR_FIELDS = [-1, 2, 2]
