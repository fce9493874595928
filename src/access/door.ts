import { Access } from './access.ts'
import { AccessError } from './access-error.ts'
import type { Grant } from './grant.ts'
import { EVERYTHING } from './grant.ts'
import type { Identity } from './identity.ts'
import type { JwtVerifier } from './jwt-verifier.ts'
import type { Policy } from './policy.ts'
import type { StaticTokens } from './static-tokens.ts'

/** How it is known who asks, and what they may see. What files say is asked for each time, as they change. */
export interface DoorOptions {
  readonly tokens?: () => StaticTokens
  readonly jwt?: JwtVerifier
  /** Without one, holders of static tokens may see everything, and JWTs what their claim grants. */
  readonly policy?: () => Policy
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Three parts in base64url: what no static token of hexadecimal or base64 looks like. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/

/** Lets in who shows a token that is good, with what they are granted. */
export class Door {
  readonly #options: DoorOptions

  constructor(options: DoorOptions) {
    this.#options = options
  }

  /** Whose a token is. Rejects with an AccessError. */
  async identify(token: string): Promise<Identity> {
    const { tokens, jwt } = this.#options
    const holder = tokens?.().holderOf(token)
    if (holder !== undefined) return { kind: 'token', ...holder }
    if (jwt !== undefined && JWT.test(token)) return jwt.identityOf(token)
    throw new AccessError('TOKEN_INVALID', 'the token is none that is known here')
  }

  /** What an identity may see now. Throws an AccessError where its token is good no more. */
  accessOf(identity: Identity): Access {
    return new Access(identity, this.#grantsOf(identity))
  }

  #grantsOf(identity: Identity): readonly Grant[] {
    const { tokens, policy, now } = this.#options
    switch (identity.kind) {
      case 'anyone':
        throw new AccessError('TOKEN_MISSING', 'a token is needed here')
      case 'token':
        if (tokens?.().has(identity.digest) !== true)
          throw new AccessError('TOKEN_INVALID', 'the token was withdrawn')
        return policy?.().grantsOf(identity.subject, identity.groups) ?? EVERYTHING
      case 'jwt':
        if (identity.expiresMs <= now())
          throw new AccessError('TOKEN_EXPIRED', 'the token has expired; get a new one')
        return [...(policy?.().grantsOf(identity.subject, identity.groups) ?? []), ...identity.claimed]
    }
  }
}
