import { Buffer } from 'node:buffer'
import { createHash, timingSafeEqual } from 'node:crypto'

/** Shortest token: what can be guessed is none. */
const MIN_LENGTH = 16
const MAX_TOKENS = 1000

/** Someone that a file of tokens names. */
export interface TokenHolder {
  readonly subject: string
  readonly groups: readonly string[]
  /** SHA-256 of the token, in hexadecimal: what tells one token of a holder from another. */
  readonly digest: string
}

interface Entry extends TokenHolder {
  readonly bytes: Buffer
}

/** The tokens of a file, by their hashes. */
export class StaticTokens {
  readonly #entries: readonly Entry[]
  readonly #digests: ReadonlySet<string>

  constructor(entries: readonly Entry[]) {
    this.#entries = entries
    this.#digests = new Set(entries.map(({ digest }) => digest))
  }

  get size(): number {
    return this.#entries.length
  }

  /** Who a token is of. How long that takes tells nothing of tokens: each is compared, whole. */
  holderOf(token: string): TokenHolder | undefined {
    const bytes = sha256(token)
    let found: TokenHolder | undefined
    for (const entry of this.#entries) {
      if (timingSafeEqual(entry.bytes, bytes)) found = entry
    }
    return found
  }

  /** Whether a token with this digest, which was taken before, is still there. */
  has(digest: string): boolean {
    return this.#digests.has(digest)
  }
}

/**
 * Reads a file of tokens: a line for each, `NAME TOKEN [group:NAME …]`, the token as it is or as `sha256:` and 64
 * hexadecimal digits. Empty lines and those after `#` are skipped. Throws a RangeError with the line; no token is in it.
 */
export function parseTokens(text: string, path: string): StaticTokens {
  const entries: Entry[] = []
  const lines = text.split(/\r?\n/)
  lines.forEach((line, i) => {
    const [subject = '', token, ...rest] = line.trim().split(/\s+/)
    if (subject === '' || subject.startsWith('#')) return
    const place = `${path}:${i + 1}`
    if (token === undefined)
      throw new RangeError(`${place}: must be a name and a token: NAME TOKEN [group:NAME …]`)
    const groups = rest.map((word) => {
      if (/^group:./.test(word)) return word.slice('group:'.length)
      throw new RangeError(`${place}: what follows the token must be group:NAME`)
    })
    const bytes = hashOf(token, place)
    entries.push({ subject, groups, bytes, digest: bytes.toString('hex') })
  })
  if (entries.length > MAX_TOKENS)
    throw new RangeError(`${path}: has ${entries.length} tokens; at most ${MAX_TOKENS} are taken`)
  const digests = new Set(entries.map(({ digest }) => digest))
  if (digests.size < entries.length) throw new RangeError(`${path}: a token is there twice`)
  return new StaticTokens(entries)
}

function hashOf(token: string, place: string): Buffer {
  if (token.startsWith('sha256:')) {
    if (!/^sha256:[0-9a-f]{64}$/i.test(token))
      throw new RangeError(`${place}: sha256: takes 64 hexadecimal digits`)
    return Buffer.from(token.slice('sha256:'.length), 'hex')
  }
  if (token.length < MIN_LENGTH)
    throw new RangeError(
      `${place}: the token has ${token.length} characters; at least ${MIN_LENGTH} are needed (openssl rand -hex 32)`,
    )
  return sha256(token)
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
