import { withoutQuery } from './route.ts'

/** What stands for what is not shown. */
export const REDACTED = '[redacted]'

/** Headers whose values are never shown. */
export const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie'] as const

/** Headers that hold a URL, whose query string is one too. */
const URL_HEADERS: ReadonlySet<string> = new Set([
  ':path',
  'referer',
  'location',
  'content-location',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-forwarded-uri',
  'x-envoy-original-path',
])

export interface RedactionRules {
  /** Names, in any case, besides `SECRET_HEADERS`. */
  readonly headers?: readonly string[]
  /** Whether query strings are left in. */
  readonly showsQuery?: boolean
  /** See `pathPattern`. */
  readonly paths?: readonly string[]
}

/** What of requests is shown to nobody. */
export class Redaction {
  readonly #headers: ReadonlySet<string>
  readonly #showsQuery: boolean
  readonly #paths: readonly (readonly Segment[])[]

  /** Throws a RangeError for a pattern that is none. */
  constructor({ headers = [], showsQuery = false, paths = [] }: RedactionRules = {}) {
    this.#headers = new Set([...SECRET_HEADERS, ...headers.map((name) => name.toLowerCase())])
    this.#showsQuery = showsQuery
    this.#paths = paths.map(pathPattern)
  }

  /** Whether the values of a header, by its name in any case, are not shown. */
  isSecretHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase())
  }

  /** A header's value as it is shown. */
  header(name: string, value: string): string {
    if (this.isSecretHeader(name)) return REDACTED
    return !this.#showsQuery && URL_HEADERS.has(name.toLowerCase()) ? withoutQueryOf(value) : value
  }

  /** A path as it is shown, with its query string where that is. */
  url(path: string): string {
    const bare = withoutQuery(path)
    const query = path.slice(bare.length)
    const shown = this.path(bare)
    if (this.#showsQuery || query === '') return `${shown}${query}`
    return `${shown}${query[0] ?? ''}${REDACTED}`
  }

  /** A path without query string as it is shown. */
  path(path: string): string {
    if (this.#paths.length === 0) return path
    const segments = path.split('/')
    const places = segments.flatMap((segment, i) => (segment === '' ? [] : [i]))
    for (const pattern of this.#paths) redactSegments(segments, places, pattern)
    return segments.join('/')
  }
}

/** As without settings. */
export const DEFAULT_REDACTION = new Redaction()

type Segment = { readonly kind: 'word'; readonly text: string } | { readonly kind: 'any' | 'secret' }

/**
 * `/reset/:token`: of paths that begin so, the segments with a name are not shown. `*` is a segment that is, whatever it
 * is.
 */
function pathPattern(pattern: string): readonly Segment[] {
  const words = pattern.split('/').slice(1)
  if (!pattern.startsWith('/') || !words.some((word) => /^:./.test(word)) || words.includes('')) {
    throw new RangeError(
      'must be patterns such as /reset/:token or /users/*/keys/:key: what is named is not shown',
    )
  }
  return words.map((text): Segment => {
    if (text === '*') return { kind: 'any' }
    return text.startsWith(':') ? { kind: 'secret' } : { kind: 'word', text }
  })
}

/** Empty segments do not count, and words may be encoded: servers read them so too. */
function redactSegments(segments: string[], places: readonly number[], pattern: readonly Segment[]): void {
  const secrets: number[] = []
  for (const [i, wanted] of pattern.entries()) {
    const place = places[i]
    // A path that ends before its pattern may have shown a part of it.
    if (place === undefined) break
    if (wanted.kind === 'secret') secrets.push(place)
    if (wanted.kind === 'word' && decoded(segments[place]!) !== wanted.text) return
  }
  for (const place of secrets) segments[place] = REDACTED
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function withoutQueryOf(url: string): string {
  const bare = withoutQuery(url)
  return bare.length === url.length ? url : `${bare}${url[bare.length] ?? ''}${REDACTED}`
}
