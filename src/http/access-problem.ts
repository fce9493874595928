import type { AccessError } from '../access/access-error.ts'
import { HttpProblem } from './problem.ts'

/** The problem that a request is answered with because of who sent it. */
export function accessProblem(error: AccessError): HttpProblem {
  const { code, message } = error
  switch (code) {
    case 'TOKEN_MISSING':
      return unauthorized(code, message, 'Bearer')
    case 'TOKEN_INVALID':
    case 'TOKEN_EXPIRED':
      return unauthorized(code, message, 'Bearer error="invalid_token"')
    case 'TOKEN_IN_URL':
      return new HttpProblem(400, code, message)
    case 'NOT_GRANTED':
      return new HttpProblem(403, code, message)
    case 'TICKET_LIMIT':
      return new HttpProblem(429, code, message, { retryAfterSeconds: 5 })
    case 'AUTH_UNAVAILABLE':
      return new HttpProblem(503, code, message, { retryAfterSeconds: 1 }, { cause: error })
  }
}

function unauthorized(code: string, detail: string, challenge: string): HttpProblem {
  return new HttpProblem(401, code, detail, { headers: { 'www-authenticate': challenge } })
}
