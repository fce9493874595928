import { HttpProblem } from '../http/problem.ts'

/** A past was asked for where there is no log to read it from. */
export function noLog(): HttpProblem {
  return new HttpProblem(
    501,
    'NO_REPLAY',
    'this gateway reads no log, so it has no past to show: start it with --kafka, or leave "since" and "last" out',
  )
}

export function logAway(error: unknown): unknown {
  if (error instanceof HttpProblem) return error
  const message = error instanceof Error ? error.message : String(error)
  return new HttpProblem(
    503,
    'LOG_UNAVAILABLE',
    `the past cannot be read: ${message}`,
    { retryAfterSeconds: 1 },
    { cause: error },
  )
}
