import { Metadata, status, type StatusObject } from '@grpc/grpc-js'
import type { FastifyBaseLogger } from 'fastify'
import { AccessError } from '../../access/access-error.ts'
import { accessProblem } from '../../http/access-problem.ts'
import { HttpProblem } from '../../http/problem.ts'
import { ProblemLog } from '../../http/problem-log.ts'
import { logProblem } from '../port-problems.ts'
import { rpcCode, rpcStatus } from '../rpc-status.ts'

const CODES: ReadonlyMap<number, status> = new Map(
  Object.values(status)
    .filter((code) => typeof code !== 'string')
    .map((code) => [code, code]),
)

const DETAILS_KEY = 'grpc-status-details-bin'

/** Longest message of a status: it is a header, of which clients take 8 KiB in all. */
const MAX_MESSAGE = 1000

export interface FailuresOptions {
  readonly problems: Record<string, number>
  readonly logger: FastifyBaseLogger | undefined
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Makes statuses of failures: counts them, and logs those that are the server's fault. */
export class Failures {
  readonly #options: FailuresOptions
  readonly #log: ProblemLog

  constructor(options: FailuresOptions) {
    this.#options = options
    this.#log = new ProblemLog(options.now)
  }

  /** The problem that an error stands for. What nobody foresaw tells the client nothing of its inside. */
  problemOf(error: unknown): HttpProblem {
    if (error instanceof HttpProblem) return error
    if (error instanceof AccessError) return accessProblem(error)
    return (
      logProblem(error) ??
      new HttpProblem(500, 'INTERNAL', 'the server failed to answer; its log says why', {}, { cause: error })
    )
  }

  /** Counts a problem that nobody is answered with, or not with a status, and logs it if it is the server's. */
  count(error: unknown): HttpProblem {
    const problem = this.problemOf(error)
    const { problems, logger } = this.#options
    problems[problem.code] = (problems[problem.code] ?? 0) + 1
    if (problem.status >= 500 && logger !== undefined) this.#log.report(problem, logger)
    return problem
  }

  /** The status that a call ends with; one that passes says when to try again. */
  statusOf(error: unknown): StatusObject {
    const problem = this.count(error)
    const metadata = new Metadata()
    // A message of any length would be a header that no client takes.
    const told =
      problem.message.length <= MAX_MESSAGE
        ? problem
        : new HttpProblem(
            problem.status,
            problem.code,
            `${problem.message.slice(0, MAX_MESSAGE)}…`,
            problem.extras,
          )
    metadata.set(DETAILS_KEY, Buffer.from(rpcStatus(told, { tellsRetry: true })))
    const code = CODES.get(rpcCode(problem.status)) ?? status.INTERNAL
    return { code, details: told.message, metadata }
  }
}

/** What calls end with that the server ends because it stops. */
export function closingProblem(): HttpProblem {
  return new HttpProblem(503, 'CLOSING', 'the server is closing; ask another one, or again in a moment', {
    retryAfterSeconds: 1,
  })
}
