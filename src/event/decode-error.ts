/** Why a record, or one event of it, could not be decoded, and where the fault is. */
export interface DecodeFault {
  /** Stable word for counters: `json-syntax`, `field-type`, `truncated`, … */
  readonly reason: string
  /** Place in the input: a byte offset (`byte 17`), a line (`line 3`) or a path (`[2].destination.port`). */
  readonly at: string
  /** The whole sentence for people: what was expected, what was found. */
  readonly message: string
}

/** Thrown inside codecs only; `decode` turns it into a value. */
export class DecodeError extends Error {
  readonly fault: DecodeFault

  constructor(reason: string, at: string, message: string) {
    super(`${at}: ${message}`)
    this.name = 'DecodeError'
    this.fault = { reason, at, message }
  }
}
