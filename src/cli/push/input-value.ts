import { CliError } from '../cli-error.ts'

/** The bytes of one JSON value, and the line on which it begins, counted from 1. */
export interface InputValue {
  readonly bytes: Buffer
  readonly line: number
}

/** Longest line, or value, of a file. */
export const MAX_VALUE_BYTES = 4 * 1024 * 1024

export function malformed(line: number, message: string): CliError {
  return new CliError('INPUT_MALFORMED', `line ${line}: ${message}`)
}
