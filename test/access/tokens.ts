import { SignJWT } from 'jose'
import { Door, type DoorOptions } from '../../src/access/door.ts'
import { JwtVerifier } from '../../src/access/jwt-verifier.ts'
import { parsePolicy } from '../../src/access/policy.ts'
import { parseTokens } from '../../src/access/static-tokens.ts'

export const SECRET = 'a secret of at least thirty-two characters'

/** Epoch milliseconds, where the clocks of these tests stand. */
export const NOW = Date.UTC(2026, 10, 24, 10)

export interface TokenFields {
  readonly sub?: string
  readonly groups?: readonly string[]
  /** Seconds from `NOW`. */
  readonly expiresIn?: number
  readonly meshtap?: unknown
  readonly secret?: string
}

/** A JWT that `doorOf` takes, unless it is told not to. */
export function jwt(fields: TokenFields = {}): Promise<string> {
  const { sub = 'alice', expiresIn = 600, secret = SECRET, ...claims } = fields
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime(NOW / 1000 + expiresIn)
    .sign(new TextEncoder().encode(secret))
}

export interface DoorParts {
  readonly tokens?: string
  readonly policy?: string
  readonly now?: () => number
}

/** A door for tokens signed with `SECRET`, and those of a file. */
export function doorOf({ tokens, policy, now = () => NOW }: DoorParts = {}): Door {
  const file = tokens === undefined ? undefined : parseTokens(tokens, 'tokens')
  const rules = policy === undefined ? undefined : parsePolicy(policy, 'policy.yaml')
  const options: DoorOptions = {
    jwt: new JwtVerifier({ keys: { kind: 'secret', secret: SECRET }, skewMs: 0, claim: 'meshtap', now }),
    now,
    ...(file === undefined ? {} : { tokens: () => file }),
    ...(rules === undefined ? {} : { policy: () => rules }),
  }
  return new Door(options)
}
