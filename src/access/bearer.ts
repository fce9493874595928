import { AccessError } from './access-error.ts'

/** Longest token that is looked at, characters. */
const MAX_LENGTH = 8192

/** The token of an `Authorization` header. Throws an AccessError. */
export function bearerOf(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw new AccessError('TOKEN_MISSING', 'a token is needed here: send "Authorization: Bearer TOKEN"')
  }
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization) ?? []
  if (token === undefined || token.length > MAX_LENGTH)
    throw new AccessError('TOKEN_INVALID', 'the authorization is no "Bearer TOKEN"')
  return token
}
