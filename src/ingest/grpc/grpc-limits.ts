import { type ConnectionLimits } from '../../http/connection-limits.ts'
import { DEFAULT_HTTP_LIMITS } from '../../http/server.ts'
import { DEFAULT_INGEST_LIMITS, type IngestLimits } from '../limits.ts'

export interface GrpcLimits
  extends
    ConnectionLimits,
    Pick<IngestLimits, 'bodyBytes' | 'inFlightBytes' | 'recordBytes' | 'closeGraceMs'> {
  /** Calls under way of one connection; a client waits with more. */
  readonly callsPerConnection: number
  /** Messages of one stream, and bytes of them, that the log does not have yet; beyond either no more are read. */
  readonly streamMessages: number
  readonly streamBytes: number
  /** A connection that says nothing for so long is asked whether it is still there, and has as long to answer. */
  readonly keepaliveMs: number
  /** First and longest wait before access logs are given to the log again. */
  readonly retryMs: number
  readonly maxRetryMs: number
}

export const DEFAULT_GRPC_LIMITS: GrpcLimits = {
  bodyBytes: DEFAULT_INGEST_LIMITS.bodyBytes,
  inFlightBytes: DEFAULT_INGEST_LIMITS.inFlightBytes,
  recordBytes: DEFAULT_INGEST_LIMITS.recordBytes,
  closeGraceMs: DEFAULT_INGEST_LIMITS.closeGraceMs,
  connections: DEFAULT_HTTP_LIMITS.connections,
  connectionsPerAddress: DEFAULT_HTTP_LIMITS.connectionsPerAddress,
  callsPerConnection: 128,
  // Fewer than the 64 numbers of a producer that a partition tells apart.
  streamMessages: 32,
  streamBytes: 4 * 1024 * 1024,
  keepaliveMs: 30_000,
  retryMs: 100,
  maxRetryMs: 3_000,
}

export function grpcLimits(given: Partial<GrpcLimits> = {}): GrpcLimits {
  const limits = { ...DEFAULT_GRPC_LIMITS, ...given }
  if (limits.inFlightBytes < limits.bodyBytes) {
    throw new RangeError(
      `inFlightBytes (${limits.inFlightBytes}) is less than bodyBytes (${limits.bodyBytes}): ` +
        'a message of the largest size could never be taken',
    )
  }
  return limits
}
