import { ProtobufWriter } from '../event/protobuf-writer.ts'
import type { HttpProblem } from '../http/problem.ts'
import type { ProblemEncoding } from '../http/problem-answers.ts'

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
    body: encoding === 'json' ? statusJson(problem) : statusProtobuf(problem),
  })
}

const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'

function statusJson(problem: HttpProblem): string {
  return JSON.stringify({
    code: grpcCode(problem.status),
    message: problem.message,
    ...(isBadData(problem)
      ? { details: [{ '@type': BAD_REQUEST, fieldViolations: [violation(problem)] }] }
      : {}),
  })
}

function statusProtobuf(problem: HttpProblem): Uint8Array {
  const writer = new ProtobufWriter()
  writer.varint(1, grpcCode(problem.status))
  writer.string(2, problem.message)
  if (isBadData(problem)) {
    const { field, description } = violation(problem)
    writer.message(3, () => {
      writer.string(1, BAD_REQUEST)
      writer.message(2, () => {
        writer.message(1, () => {
          writer.string(1, field)
          writer.string(2, description)
        })
      })
    })
  }
  return writer.finish()
}

function isBadData(problem: HttpProblem): boolean {
  return problem.status === 400
}

function violation(problem: HttpProblem): { field: string; description: string } {
  return { field: problem.extras.at ?? '', description: problem.message }
}

/** The canonical gRPC code nearest to an HTTP status. Clients go by the HTTP status. */
function grpcCode(status: number): number {
  switch (status) {
    case 400:
    case 413:
    case 415:
      return 3
    case 403:
      return 7
    case 429:
      return 8
    case 503:
      return 14
    default:
      return 13
  }
}
