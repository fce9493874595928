import { ProtobufWriter } from '../event/protobuf-writer.ts'
import type { HttpProblem } from '../http/problem.ts'

/** The type of a detail that says what is wrong with the data. */
export const BAD_REQUEST = 'type.googleapis.com/google.rpc.BadRequest'
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo'

/** The canonical gRPC code nearest to a problem's HTTP status. */
export function rpcCode(status: number): number {
  switch (status) {
    case 400:
    case 413:
    case 415:
      return 3
    case 401:
      return 16
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

/** What is wrong with bad data, and where; undefined for other problems. */
export function violationOf(
  problem: HttpProblem,
): { readonly field: string; readonly description: string } | undefined {
  return problem.status === 400 ? { field: problem.extras.at ?? '', description: problem.message } : undefined
}

/**
 * A problem as `google.rpc.Status`. One of bad data has a `google.rpc.BadRequest` among its details; one that passes has a
 * `google.rpc.RetryInfo` where `tellsRetry`, as gRPC has no header for it.
 */
export function rpcStatus(
  problem: HttpProblem,
  { tellsRetry }: { readonly tellsRetry: boolean },
): Uint8Array {
  const writer = new ProtobufWriter()
  writer.varint(1, rpcCode(problem.status))
  writer.string(2, problem.message)
  const violation = violationOf(problem)
  if (violation !== undefined) {
    detail(writer, BAD_REQUEST, () => {
      writer.message(1, () => {
        writer.string(1, violation.field)
        writer.string(2, violation.description)
      })
    })
  }
  const { retryAfterSeconds } = problem.extras
  if (tellsRetry && retryAfterSeconds !== undefined) {
    detail(writer, RETRY_INFO, () => writer.message(1, () => writer.varint(1, Math.ceil(retryAfterSeconds))))
  }
  return writer.finish()
}

/** Writes a `google.protobuf.Any`. */
function detail(writer: ProtobufWriter, type: string, value: () => void): void {
  writer.message(3, () => {
    writer.string(1, type)
    writer.message(2, value)
  })
}
