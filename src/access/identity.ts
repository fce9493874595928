import type { Grant } from './grant.ts'

/** Who asks. */
export type Identity =
  /** Anyone: there is no authentication. */
  | { readonly kind: 'anyone' }
  /** The holder of a token of a file. */
  | {
      readonly kind: 'token'
      readonly subject: string
      readonly groups: readonly string[]
      /** SHA-256 of the token. */
      readonly digest: string
    }
  /** Whom a JWT names. */
  | {
      readonly kind: 'jwt'
      readonly subject: string
      readonly groups: readonly string[]
      /** What the token itself grants. */
      readonly claimed: readonly Grant[]
      /** Until when the token is taken, epoch milliseconds: the difference that clocks may have is in it. */
      readonly expiresMs: number
    }

/** How an identity is called in logs and limits. */
export function nameOf(identity: Identity): string {
  return identity.kind === 'anyone' ? 'anyone' : identity.subject
}
