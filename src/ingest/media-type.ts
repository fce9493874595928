import { HttpProblem } from '../http/problem.ts'

/** A `content-type` header taken apart: names in lower case, values as they came. */
export interface MediaType {
  readonly essence: string
  readonly parameters: ReadonlyMap<string, string>
}

const PARAMETER = /;\s*([!#$%&'*+.^_`|~0-9a-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*/giy
const ESSENCE = /^\s*([!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+)\s*/i

/** Undefined where the header is not a media type. */
export function parseMediaType(header: string): MediaType | undefined {
  const match = ESSENCE.exec(header)
  if (match === null) return undefined
  const parameters = new Map<string, string>()
  PARAMETER.lastIndex = match[0].length
  for (let found = PARAMETER.exec(header); found !== null; found = PARAMETER.exec(header)) {
    const value = found[2]?.replaceAll(/\\(.)/g, '$1') ?? found[3] ?? ''
    parameters.set(found[1]!.toLowerCase(), value)
  }
  return { essence: match[1]!.toLowerCase(), parameters }
}

/** A kind of body that a route takes. */
export interface AcceptedType<K extends string> {
  readonly kind: K
  readonly essence: string
  /** Value of the `proto` parameter, which may be left out where the path says it already. */
  readonly proto?: string
}

/** Which of the accepted types a request's body has; a 415 problem that lists them where it has none. */
export function acceptedType<K extends string>(
  header: string | undefined,
  accepted: readonly AcceptedType<K>[],
): K {
  const type = header === undefined ? undefined : parseMediaType(header)
  if (type !== undefined) {
    const charset = type.parameters.get('charset')?.toLowerCase()
    const proto = type.parameters.get('proto')
    for (const candidate of accepted) {
      if (candidate.essence !== type.essence) continue
      if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') continue
      if (proto !== undefined && proto !== candidate.proto) continue
      return candidate.kind
    }
  }
  const list = accepted.map(({ essence, proto }) =>
    proto === undefined ? essence : `${essence}; proto=${proto}`,
  )
  throw new HttpProblem(
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    header === undefined
      ? `the request has no content-type; send one of: ${list.join(', ')}`
      : `bodies of content-type "${header}" are not read here; send one of: ${list.join(', ')}`,
    { headers: { accept: list.join(', ') } },
  )
}
