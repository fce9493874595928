import type { HttpProblem } from '../http/problem.ts'
import type { ProblemEncoding } from '../http/problem-answers.ts'
import { BAD_REQUEST, rpcCode, rpcStatus, violationOf } from './rpc-status.ts'

/**
 * Answers of OTLP/HTTP, from https://opentelemetry.io/docs/specs/otlp/#otlphttp-response: they have the content type of
 * the request; success is an `ExportTraceServiceResponse`, every failure a `google.rpc.Status`, and one of bad data
 * carries a `google.rpc.BadRequest` among its details.
 */
export type OtlpEncoding = 'json' | 'protobuf'

const CONTENT_TYPES = { json: 'application/json', protobuf: 'application/x-protobuf' } as const

export interface OtlpAnswer {
  readonly contentType: string
  readonly body: string | Uint8Array
}

/** All spans were taken: the response with `partial_success` unset. */
export function otlpSuccess(encoding: OtlpEncoding): OtlpAnswer {
  return { contentType: CONTENT_TYPES[encoding], body: encoding === 'json' ? '{}' : new Uint8Array(0) }
}

/** The encoding of problems for a client that sent `encoding`. */
export function otlpProblemEncoding(encoding: OtlpEncoding): ProblemEncoding {
  return (problem) => ({
    contentType: CONTENT_TYPES[encoding],
    body: encoding === 'json' ? statusJson(problem) : rpcStatus(problem, { tellsRetry: false }),
  })
}

function statusJson(problem: HttpProblem): string {
  const violation = violationOf(problem)
  return JSON.stringify({
    // Clients go by the HTTP status.
    code: rpcCode(problem.status),
    message: problem.message,
    ...(violation === undefined ? {} : { details: [{ '@type': BAD_REQUEST, fieldViolations: [violation] }] }),
  })
}
