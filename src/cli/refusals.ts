import type { ClientToken } from '../config/client-token.ts'
import { variableOf } from '../config/setting.ts'
import { CliError } from './cli-error.ts'
import { printable } from './printers/printable.ts'

/** The setting that a token is given by. */
type TokenSetting = 'token' | 'ingest-token'

/** A server wants a token, or another one. `why` is its own word. */
export function tokenRefused(
  url: string,
  token: ClientToken | undefined,
  setting: TokenSetting,
  why: string,
): CliError {
  const ways = `--${setting}-file, ${variableOf(setting)} or --${setting}`
  if (token === undefined) {
    return new CliError('TOKEN_REFUSED', `${url} asks who you are: give a token with ${ways}`)
  }
  const { place, trouble } = token
  const isStale = trouble === undefined ? '' : ` (what the file says now is not used: it ${trouble})`
  return new CliError(
    'TOKEN_REFUSED',
    `${url} does not take the token of ${place}${isStale}: ${printable(why)}. Another is given with ${ways}`,
  )
}

/** The token is good, but not for this question. `why` says what is missing, and where it is granted. */
export function grantMissing(url: string, why: string): CliError {
  return new CliError(
    'GRANT_MISSING',
    `${url} refuses this: ${printable(why)}. Ask for what is granted, or whoever runs the gateway for a grant`,
  )
}
