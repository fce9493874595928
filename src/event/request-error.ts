/**
 * A request with a parameter that cannot be taken: the asker's fault, answered with 400.
 *
 * The message is a sentence that quotes the bad value and says what is allowed, without the parameter's name in front:
 * `"abc" is no duration: give a number and a unit, for example 250ms`.
 */
export class RequestError extends Error {
  readonly code = 'BAD_PARAMETER'
  /** The parameter's name as the asker wrote it in the URL. */
  readonly parameter: string

  constructor(parameter: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RequestError'
    this.parameter = parameter
  }
}

const MAX_QUOTED = 100

/** A value as messages quote it: in quotation marks, escaped, and cut where it is long. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > MAX_QUOTED ? `${value.slice(0, MAX_QUOTED)}…` : value)
}
