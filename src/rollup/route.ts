/** What a variable segment of a path becomes. */
const VARIABLE = ':id'

/** A derived route keeps this many segments and this many characters; the rest becomes `…`. */
const MAX_SEGMENTS = 16
const MAX_LENGTH = 256

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const NUMBER = /^[+-]?\d+(?:[.,]\d+)*$/
/** Hexadecimal of 8 and more digits that holds both letters and digits, or of 16 and more of any. */
const HEX = /^(?:0x)?(?:(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}|[0-9a-f]{16,})$/i
/** Base64, base64url, base58, ULID …: 20 and more such characters, among them a digit and a letter, no word of them. */
const HASH = /^(?=[^\d]*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9+=~]{20,}$/
const HASH_WITH_DASHES = /^(?=(?:[^\d]*\d){4})(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])[A-Za-z0-9_-]{20,}$/

/**
 * A path's route, so that `/users/1` and `/users/2` are one: numbers, UUIDs, hashes and long hexadecimal become
 * `:id`. The query string is left out.
 */
export function templatePath(path: string): string {
  const bare = withoutQuery(path)
  const segments = bare.split('/')
  let templated = false
  const kept = segments.length > MAX_SEGMENTS + 1 ? [...segments.slice(0, MAX_SEGMENTS + 1), '…'] : segments
  for (let i = 0; i < kept.length; i++) {
    if (!isVariable(kept[i]!)) continue
    kept[i] = VARIABLE
    templated = true
  }
  const route = templated || kept !== segments ? kept.join('/') : bare
  return route.length > MAX_LENGTH ? `${route.slice(0, MAX_LENGTH - 1)}…` : route
}

/** A path up to its query string or fragment. */
export function withoutQuery(path: string): string {
  const end = path.search(/[?#]/)
  return end < 0 ? path : path.slice(0, end)
}

function isVariable(segment: string): boolean {
  if (segment.length === 0 || segment.length > 512) return segment.length > 0
  return (
    NUMBER.test(segment) ||
    UUID.test(segment) ||
    HEX.test(segment) ||
    HASH.test(segment) ||
    HASH_WITH_DASHES.test(segment)
  )
}

/** A configured route: literal segments, `:name` or `{name}` for any one, a last `*` for the rest. */
interface RoutePattern {
  readonly pattern: string
  readonly segments: readonly string[]
  readonly open: boolean
}

/** Derives routes from paths: configured patterns first, in their order, then `templatePath`. */
export class RouteTemplates {
  readonly #patterns: readonly RoutePattern[]

  /** Throws a RangeError for a pattern that does not begin with `/` or has a `*` before its end. */
  constructor(patterns: readonly string[] = []) {
    this.#patterns = patterns.map(parsePattern)
  }

  routeOf(path: string): string {
    if (this.#patterns.length === 0) return templatePath(path)
    const segments = withoutQuery(path).split('/')
    const found = this.#patterns.find((pattern) => matches(pattern, segments))
    return found === undefined ? templatePath(path) : found.pattern
  }
}

function parsePattern(pattern: string): RoutePattern {
  const segments = pattern.split('/')
  const star = segments.indexOf('*')
  if (!pattern.startsWith('/') || (star >= 0 && star !== segments.length - 1)) {
    throw new RangeError(
      `route pattern ${JSON.stringify(pattern)}: must begin with "/" and may have "*" only as its last segment`,
    )
  }
  const open = star >= 0
  return { pattern, segments: open ? segments.slice(0, -1) : segments, open }
}

function matches(pattern: RoutePattern, segments: readonly string[]): boolean {
  const wanted = pattern.segments
  if (pattern.open ? segments.length <= wanted.length : segments.length !== wanted.length) return false
  return wanted.every(
    (segment, i) =>
      segment === segments[i] ||
      (segments[i] !== '' && (segment.startsWith(':') || (segment.startsWith('{') && segment.endsWith('}')))),
  )
}
