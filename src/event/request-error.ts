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
