export type SpoolErrorCode =
  /** Another process, or another reporter of this one, uses the directory. */
  | 'SPOOL_IN_USE'
  /** A file in the directory has the name of one of a spool and is none. */
  | 'SPOOL_FORMAT'

/** A spool's directory cannot be used. What the system refuses has the system's own code. */
export class SpoolError extends Error {
  readonly code: SpoolErrorCode

  constructor(code: SpoolErrorCode, message: string) {
    super(message)
    this.name = 'SpoolError'
    this.code = code
  }
}
