import { AccessError } from '../access/access-error.ts'
import { RequestError } from '../event/request-error.ts'
import { HttpProblem } from '../http/problem.ts'
import { StoreError } from '../store/rollup-store.ts'
import { TapBusError } from '../tap/tap-bus.ts'

/** The problem that a bad request, or a failure of a port, is to who asks. */
export function gatewayProblem(error: unknown): HttpProblem | undefined {
  if (error instanceof RequestError) {
    const { parameter } = error
    return new HttpProblem(400, error.code, `${parameter}: ${error.message}`, { parameter })
  }
  if (error instanceof AccessError) return accessProblem(error)
  if (error instanceof StoreError) {
    return unavailable(error.code, `the store of the rollups does not answer: ${error.message}`, error)
  }
  if (error instanceof TapBusError) {
    return error.code === 'TAP_LIMIT'
      ? new HttpProblem(429, error.code, error.message, { retryAfterSeconds: 5 })
      : unavailable(error.code, `taps cannot be opened: ${error.message}`, error)
  }
  return undefined
}

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
      return unavailable(code, message, error)
  }
}

function unauthorized(code: string, detail: string, challenge: string): HttpProblem {
  return new HttpProblem(401, code, detail, { headers: { 'www-authenticate': challenge } })
}

function unavailable(code: string, detail: string, cause: Error): HttpProblem {
  return new HttpProblem(503, code, detail, { retryAfterSeconds: 1 }, { cause })
}
