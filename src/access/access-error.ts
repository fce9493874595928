export type AccessErrorCode =
  /** Nobody said who asks. */
  | 'TOKEN_MISSING'
  /** What says who asks cannot be believed. */
  | 'TOKEN_INVALID'
  | 'TOKEN_EXPIRED'
  /** A token was given where it ends up in logs and histories. */
  | 'TOKEN_IN_URL'
  /** Who asks may not have what they ask for. */
  | 'NOT_GRANTED'
  /** The keys that tokens are verified by cannot be had. */
  | 'AUTH_UNAVAILABLE'
  /** More tickets are out than are remembered. */
  | 'TICKET_LIMIT'

/** A question that is not answered, because of who asks. Messages say what is missing, and nothing of what is there. */
export class AccessError extends Error {
  readonly code: AccessErrorCode

  constructor(code: AccessErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'AccessError'
    this.code = code
  }
}
