export type CliErrorCode =
  | 'USAGE'
  | 'GATEWAY_UNREACHABLE'
  | 'GATEWAY_REFUSED'
  | 'GATEWAY_ANSWER'
  /** The gateway, or the ingest, wants a token, or another one. */
  | 'TOKEN_REFUSED'
  /** The token does not grant what was asked for. */
  | 'GRANT_MISSING'
  | 'INGEST_UNREACHABLE'
  | 'INGEST_REFUSED'
  | 'INPUT_MALFORMED'
  | 'INPUT_UNREADABLE'
  | 'INTERRUPTED'

/** Why a command ends without success, in words for the person who typed it. */
export class CliError extends Error {
  readonly code: CliErrorCode
  /** Code of the problem that a server answered with. */
  readonly problem: string | undefined

  constructor(
    code: CliErrorCode,
    message: string,
    { problem, ...options }: ErrorOptions & { readonly problem?: string | undefined } = {},
  ) {
    super(message, options)
    this.name = 'CliError'
    this.code = code
    this.problem = problem
  }

  /** 2 where the command was typed wrong, 1 where it failed. */
  get exitCode(): 1 | 2 {
    return this.code === 'USAGE' ? 2 : 1
  }
}

export function usageError(message: string, options?: ErrorOptions): CliError {
  return new CliError('USAGE', message, options)
}

/** What the system says: `fetch` itself says only "fetch failed", its cause says more. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  if (cause instanceof AggregateError && cause.message === '' && cause.errors.length > 0) {
    return reasonOf(cause.errors[0])
  }
  return cause.message || cause.name
}
