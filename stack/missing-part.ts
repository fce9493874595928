/** Something that the machine must have and has not. The message says what, and how it gets there. */
export class MissingPartError extends Error {
  readonly code = 'STACK_MISSING_PART'
  override readonly name = 'MissingPartError'
}
