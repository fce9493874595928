import { AccessError } from '../access/access-error.ts'
import { accessProblem } from '../http/access-problem.ts'
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

function unavailable(code: string, detail: string, cause: Error): HttpProblem {
  return new HttpProblem(503, code, detail, { retryAfterSeconds: 1 }, { cause })
}
