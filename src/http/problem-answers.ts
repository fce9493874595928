import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { countProblem, type HttpStats } from './http-stats.ts'
import { HttpProblem, PROBLEM_CONTENT_TYPE } from './problem.ts'
import { ProblemLog } from './problem-log.ts'

/** How a route writes an error's body, where it is not `application/problem+json`. */
export type ProblemEncoding = (problem: HttpProblem) => {
  readonly contentType: string
  readonly body: string | Uint8Array
}

export interface ProblemAnswersOptions {
  readonly stats: HttpStats
  /** Turns the errors of the ports behind the routes into problems. */
  readonly translate: (error: unknown) => HttpProblem | undefined
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Answers failures: counts them, logs those that are the server's fault, and sends them as problems. */
export class ProblemAnswers {
  readonly stats: HttpStats
  readonly #translate: (error: unknown) => HttpProblem | undefined
  readonly #log: ProblemLog

  constructor(options: ProblemAnswersOptions) {
    this.stats = options.stats
    this.#translate = options.translate
    this.#log = new ProblemLog(options.now)
  }

  /** The problem that an error stands for. What nobody foresaw is a 500 that tells the client nothing of its inside. */
  problemOf(error: unknown): HttpProblem {
    if (error instanceof HttpProblem) return error
    return (
      this.#translate(error) ??
      frameworkProblem(error) ??
      new HttpProblem(500, 'INTERNAL', 'the server failed to answer; its log says why', {}, { cause: error })
    )
  }

  /** Logs a problem that nobody is answered with, as rarely as those that somebody is. */
  log(problem: HttpProblem, logger: FastifyBaseLogger): void {
    this.#log.report(problem, logger)
  }

  send(
    error: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
    encode: ProblemEncoding = problemJson,
  ): void {
    const problem = this.problemOf(error)
    countProblem(this.stats, problem.code)
    // Probes ask again and again, and what is waited for is said elsewhere.
    if (problem.status >= 500 && problem.code !== 'NOT_READY')
      this.#log.report(problem, request.log, request.url)
    const { contentType, body } = encode(problem)
    void reply.code(problem.status).headers(problem.headers).header('content-type', contentType).send(body)
  }
}

/** Answers a socket that has no request, and ends it. */
export function sendRawProblem(problem: HttpProblem, socket: Duplex, stats: HttpStats): void {
  countProblem(stats, problem.code)
  // Without waiting for the client to close its side, which it need never do.
  socket.end(rawProblemAnswer(problem), () => socket.destroy())
}

function rawProblemAnswer(problem: HttpProblem): string {
  const body = JSON.stringify(problem.toProblem())
  return [
    `HTTP/1.1 ${problem.status} ${problem.toProblem().title}`,
    `content-type: ${PROBLEM_CONTENT_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'x-content-type-options: nosniff',
    ...Object.entries(problem.headers).map(([name, value]) => `${name}: ${value}`),
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

function problemJson(problem: HttpProblem): { contentType: string; body: string } {
  return { contentType: PROBLEM_CONTENT_TYPE, body: JSON.stringify(problem.toProblem()) }
}

function frameworkProblem(error: unknown): HttpProblem | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined
  switch (error.code) {
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new HttpProblem(400, 'BAD_URL', 'the path of the URL is not valid percent-encoded UTF-8')
    case 'FST_ERR_HANDLER_TIMEOUT':
      return new HttpProblem(
        503,
        'TIMEOUT',
        'the answer took too long; ask for less, or again in a moment',
        {
          retryAfterSeconds: 1,
        },
        { cause: error },
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new HttpProblem(
        415,
        'UNSUPPORTED_MEDIA_TYPE',
        'the content-type is none that is read here; /api/docs lists those that are',
      )
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new HttpProblem(413, 'BODY_TOO_LARGE', 'the body is larger than is read')
    default:
      return 'statusCode' in error &&
        typeof error.statusCode === 'number' &&
        error.statusCode >= 400 &&
        error.statusCode < 500
        ? new HttpProblem(error.statusCode, 'BAD_REQUEST', error.message)
        : undefined
  }
}
