import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose'
import { AccessError } from './access-error.ts'
import { grantsOfClaim } from './grant-reader.ts'
import type { Identity } from './identity.ts'

/** Signed with a private key, whose public one a key set has. */
export const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

/** Signed with a secret that both sides have. */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const

/** Where the keys are that tokens are verified by. */
export type JwtKeys =
  | { readonly kind: 'url'; readonly url: string }
  /** A key set that is asked for each time, so that it may change. */
  | { readonly kind: 'set'; readonly current: () => JSONWebKeySet }
  | { readonly kind: 'secret'; readonly secret: string }

export interface JwtVerifierOptions {
  readonly keys: JwtKeys
  /** Without it a token of any issuer that the keys fit. */
  readonly issuer?: string
  readonly audience?: string
  /** Those allowed, of the ones that go with the keys; without it all of these. */
  readonly algorithms?: readonly string[]
  /** How far clocks may differ. */
  readonly skewMs: number
  /** The claim that has grants. */
  readonly claim: string
  readonly now: () => number
}

/** Keys are fetched for a key that is not known at most this often. */
const COOLDOWN_MS = 30_000
/** Keys are fetched anew after this long, should one have been withdrawn. */
const MAX_AGE_MS = 600_000
const FETCH_TIMEOUT_MS = 5000
/** After a fetch that failed, none for this long. */
const FAILURE_PAUSE_MS = 2000

const MAX_GROUPS = 200

/**
 * Verifies JWTs. Only algorithms that go with the kind of the keys are taken, whatever a token says of itself: neither
 * `none`, nor a public key used as a secret.
 */
export class JwtVerifier {
  readonly #options: JwtVerifierOptions
  readonly #verify: JWTVerifyOptions
  readonly #key: JWTVerifyGetKey | Uint8Array
  #failedMs = Number.NEGATIVE_INFINITY

  constructor(options: JwtVerifierOptions) {
    const { keys, issuer, audience, skewMs, now } = options
    this.#options = options
    this.#verify = {
      algorithms: algorithmsOf(options),
      clockTolerance: skewMs / 1000,
      requiredClaims: ['sub', 'exp'],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    }
    if (keys.kind === 'secret') this.#key = new TextEncoder().encode(keys.secret)
    else if (keys.kind === 'set') this.#key = setKey(keys.current)
    else {
      this.#key = createRemoteJWKSet(new URL(keys.url), {
        cooldownDuration: COOLDOWN_MS,
        cacheMaxAge: MAX_AGE_MS,
        timeoutDuration: FETCH_TIMEOUT_MS,
        [customFetch]: async (url, init) => {
          if (now() - this.#failedMs < FAILURE_PAUSE_MS) throw new TypeError('it failed a moment ago')
          try {
            const response = await fetch(url, init)
            if (response.status !== 200) throw new TypeError(`it answers ${response.status}`)
            return response
          } catch (error) {
            this.#failedMs = now()
            throw error
          }
        },
      })
    }
  }

  /** Rejects with an AccessError. */
  async identityOf(token: string): Promise<Identity> {
    const currentDate = new Date(this.#options.now())
    const payload = await this.#payload(token, { ...this.#verify, currentDate })
    return {
      kind: 'jwt',
      subject: payload.sub!,
      groups: groupsOf(payload['groups']),
      claimed: claimed(payload, this.#options.claim),
      expiresMs: payload.exp! * 1000 + this.#options.skewMs,
    }
  }

  async #payload(token: string, options: JWTVerifyOptions): Promise<JWTPayload> {
    const key = this.#key
    try {
      const { payload } = await (typeof key === 'function'
        ? jwtVerify(token, key, options)
        : jwtVerify(token, key, options))
      if (typeof payload.sub !== 'string' || payload.sub === '' || payload.sub.length > 256)
        throw new AccessError(
          'TOKEN_INVALID',
          'the token names nobody: sub must be a text of 1 to 256 characters',
        )
      return payload
    } catch (error) {
      throw failure(error)
    }
  }
}

function algorithmsOf({ keys, algorithms }: JwtVerifierOptions): string[] {
  const possible: readonly string[] = keys.kind === 'secret' ? SECRET_ALGORITHMS : PUBLIC_KEY_ALGORITHMS
  const wanted = algorithms ?? possible
  const wrong = wanted.filter((name) => !possible.includes(name))
  if (wrong.length === 0 && wanted.length > 0) return [...wanted]
  const what = keys.kind === 'secret' ? 'a secret' : 'a key set'
  throw new RangeError(
    `must be some of those that go with ${what}: ${possible.join(', ')}; not ${wrong.join(', ')}`,
  )
}

/** Follows a key set that may be another one the next time. */
function setKey(current: () => JSONWebKeySet): JWTVerifyGetKey {
  let set: JSONWebKeySet | undefined
  let keyOf: JWTVerifyGetKey | undefined
  return (header, token) => {
    const now = current()
    if (keyOf === undefined || now !== set) keyOf = createLocalJWKSet(now)
    set = now
    return keyOf(header, token)
  }
}

function failure(error: unknown): AccessError {
  if (error instanceof AccessError) return error
  const options = { cause: error }
  if (error instanceof errors.JWTExpired) {
    return new AccessError('TOKEN_EXPIRED', 'the token has expired; get a new one', options)
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new AccessError(
      'TOKEN_INVALID',
      `the token is not for this server: its claim ${error.claim} is not right`,
      options,
    )
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return new AccessError('TOKEN_INVALID', 'the token is signed in a way that is not taken here', options)
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return new AccessError('TOKEN_INVALID', 'the token is signed with a key that is not known here', options)
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return new AccessError(
      'TOKEN_INVALID',
      'the token does not name its key (kid), and there are several',
      options,
    )
  }
  const isOfKeys =
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    !(error instanceof errors.JOSEError) ||
    error.constructor === errors.JOSEError
  if (isOfKeys) {
    const why = error instanceof Error ? error.message : String(error)
    return new AccessError(
      'AUTH_UNAVAILABLE',
      `the keys that tokens are verified by cannot be had: ${why}`,
      options,
    )
  }
  return new AccessError('TOKEN_INVALID', 'the token is none that is known here', options)
}

function claimed(payload: JWTPayload, claim: string): ReturnType<typeof grantsOfClaim> {
  if (payload[claim] === undefined) return []
  try {
    return grantsOfClaim(payload[claim])
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new AccessError('TOKEN_INVALID', `the token's claim ${claim} cannot be read: ${error.message}`, {
      cause: error,
    })
  }
}

function groupsOf(claim: unknown): readonly string[] {
  if (!Array.isArray(claim)) return []
  return claim.filter((group): group is string => typeof group === 'string').slice(0, MAX_GROUPS)
}
