import { HttpProblem } from '../http/problem.ts'
import { LogError, type LogErrorCode } from '../log/event-log.ts'

/** Failures that pass by themselves in a moment; the others want somebody to look. */
const PASSING: ReadonlySet<LogErrorCode> = new Set(['LOG_UNAVAILABLE', 'LOG_CLOSED'])

/** The problem that a failure of the log is to a sender. */
export function logProblem(error: unknown): HttpProblem | undefined {
  if (!(error instanceof LogError)) return undefined
  if (error.code === 'LOG_RECORD_TOO_LARGE') {
    return new HttpProblem(413, error.code, `the log takes no record that large: ${error.message}`)
  }
  return new HttpProblem(
    503,
    error.code,
    `the log does not take events now; send them again later: ${error.message}`,
    { retryAfterSeconds: PASSING.has(error.code) ? 1 : 30 },
    { cause: error },
  )
}
