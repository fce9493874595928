import { performance } from 'node:perf_hooks'
import { MAX_LATENCY_MICROS } from '../event/limits.ts'

/** The trace id of a W3C `traceparent`. */
export function traceIdOf(traceparent: unknown): string | undefined {
  if (typeof traceparent !== 'string') return undefined
  const [, version, traceId] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-|$)/.exec(traceparent) ?? []
  return traceId === undefined || version === 'ff' || /^0+$/.test(traceId) ? undefined : traceId
}

/** The status of a header or trailer `grpc-status`. */
export function grpcStatusOf(header: unknown): number | undefined {
  return typeof header === 'string' && /^\d{1,2}$/.test(header) ? Number(header) : undefined
}

/** Whole microseconds since `startMs`, which is one of `performance.now()`, as an event may have them. */
export function microsSince(startMs: number): number {
  const micros = Math.round((performance.now() - startMs) * 1000)
  return Math.min(Math.max(micros, 0), MAX_LATENCY_MICROS)
}

/** Bytes of a chunk as streams are given it. */
export function sizeOfChunk(chunk: unknown, encoding?: unknown): number {
  if (typeof chunk === 'string') {
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
  }
  return chunk instanceof Uint8Array ? chunk.byteLength : 0
}
