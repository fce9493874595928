import { STATUS_CODES } from 'node:http'

/** An error as RFC 9457 describes it, sent as `application/problem+json`. */
export interface Problem {
  /** Always `about:blank`: `code` is what tells problems apart. */
  readonly type: 'about:blank'
  /** The status in words. */
  readonly title: string
  readonly status: number
  /** What went wrong here, with the values, and what to do about it. For people. */
  readonly detail: string
  /** Stable word for programs. */
  readonly code: string
  /** The query parameter at fault. */
  readonly parameter?: string
  /** The place in the body at fault: a byte offset, a line, or a path. */
  readonly at?: string
}

export const PROBLEM_CONTENT_TYPE = 'application/problem+json; charset=utf-8'

export interface ProblemExtras {
  readonly parameter?: string
  readonly at?: string
  /** Sent as `Retry-After`. */
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer other than success, thrown by whatever handles a request. `cause` is for the log, not for the client. */
export class HttpProblem extends Error {
  readonly status: number
  readonly code: string
  readonly extras: ProblemExtras

  constructor(
    status: number,
    code: string,
    detail: string,
    extras: ProblemExtras = {},
    options?: ErrorOptions,
  ) {
    super(detail, options)
    this.name = 'HttpProblem'
    this.status = status
    this.code = code
    this.extras = extras
  }

  /** Headers that go with the answer, whatever its body. */
  get headers(): Record<string, string> {
    const { retryAfterSeconds, headers } = this.extras
    return {
      ...headers,
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
    }
  }

  toProblem(): Problem {
    const { parameter, at } = this.extras
    return {
      type: 'about:blank',
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(parameter === undefined ? {} : { parameter }),
      ...(at === undefined ? {} : { at }),
    }
  }
}
