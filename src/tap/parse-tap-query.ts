import type { Direction } from '../event/event.ts'
import { quoted, RequestError } from '../event/request-error.ts'
import { DEFAULT_REDACTION } from '../rollup/redaction.ts'
import { parseResource } from '../rollup/resource-kind.ts'
import { isGlob, MAX_PATTERN } from './glob.ts'
import { parseLatency } from './latency-text.ts'
import {
  DEFAULT_MAX_RPS,
  type HeaderFilter,
  LEAST_MAX_RPS,
  MOST_MAX_RPS,
  type ResourceSelector,
  type StatusFilter,
  type TapQuery,
} from './tap-query.ts'
import { parseTapScopes } from './tap-view.ts'

/** Names of the URL parameters that a tap takes. */
export const TAP_PARAMETERS = [
  'resource',
  'namespace',
  'cluster',
  'direction',
  'to',
  'to_namespace',
  'to_cluster',
  'from',
  'from_namespace',
  'from_cluster',
  'method',
  'authority',
  'path',
  'status',
  'min_latency',
  'header',
  'max_rps',
] as const

export type TapParameter = (typeof TAP_PARAMETERS)[number]

type Parameters = Readonly<Record<string, string | undefined>>

/** Longest namespace, cluster, authority or path prefix, characters. */
const MAX_TEXT = 1024

/** RFC 9110's `token`: methods and header names. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/

/**
 * A tap's query from URL parameters. Throws a `RequestError` for the first that is unknown, cannot be read, or contradicts
 * another: what is not understood must not widen a tap.
 */
export function parseTapQuery(params: Parameters): TapQuery {
  for (const name of Object.keys(params)) {
    if (params[name] !== undefined && !TAP_PARAMETERS.some((known) => known === name)) {
      throw new RequestError(
        name,
        `a tap has no parameter ${quoted(name)}; it has ${TAP_PARAMETERS.join(', ')}`,
      )
    }
  }
  const direction = given(params, 'direction', parseDirection)
  const to = parsePeer(params, 'to')
  const from = parsePeer(params, 'from')
  checkSides(direction, to, from)
  const resource = parseSelector(params, {
    resource: 'resource',
    namespace: 'namespace',
    cluster: 'cluster',
  })
  if (to !== undefined && (resource.kind === 'authority' || resource.kind === 'route')) {
    throw new RequestError('to', `requests go to an ${resource.kind}, not from one: leave "to" out`)
  }
  return defined({
    resource,
    direction,
    to,
    from,
    method: given(params, 'method', parseMethod),
    authority: given(params, 'authority', parseAuthority),
    path: given(params, 'path', parsePath),
    status: given(params, 'status', parseStatus),
    minLatencyMicros: given(params, 'min_latency', (text) => parseLatency('min_latency', text) || undefined),
    header: given(params, 'header', parseHeader),
    maxRps: given(params, 'max_rps', parseMaxRps) ?? DEFAULT_MAX_RPS,
  })
}

/** A query from the text that `formatTapQuery` makes. Throws a `RequestError` for one that this version does not know. */
export function parseCanonicalTapQuery(text: string): TapQuery {
  const { scopes, ...params } = Object.fromEntries(new URLSearchParams(text)) as Parameters
  const query = parseTapQuery(params)
  if (scopes === undefined) return query
  try {
    return { ...query, scopes: parseTapScopes(scopes) }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RequestError('scopes', error.message)
  }
}

function parsePeer(params: Parameters, role: 'to' | 'from'): ResourceSelector | undefined {
  const names = { resource: role, namespace: `${role}_namespace`, cluster: `${role}_cluster` } as const
  if (Object.values(names).every((name) => params[name] === undefined)) return undefined
  const peer = parseSelector(params, names)
  if (role === 'from' && (peer.kind === 'authority' || peer.kind === 'route')) {
    throw new RequestError(
      'from',
      `requests come from workloads, pods or services, never from an ${peer.kind}`,
    )
  }
  return peer
}

interface SelectorNames {
  readonly resource: TapParameter
  readonly namespace: TapParameter
  readonly cluster: TapParameter
}

function parseSelector(params: Parameters, names: SelectorNames): ResourceSelector {
  const { kind, name } = parseResource(names.resource, params[names.resource] ?? 'all')
  const namespace = given(params, names.namespace, (text) => parseText(names.namespace, text))
  const cluster = given(params, names.cluster, (text) => parseText(names.cluster, text))
  if (kind === 'all') return defined({ cluster, namespace })
  if (kind === 'cluster') {
    return defined({ cluster: agreed(names.cluster, cluster, names.resource, name), namespace })
  }
  if (kind === 'namespace') {
    return defined({ cluster, namespace: agreed(names.namespace, namespace, names.resource, name) })
  }
  return defined({ cluster, namespace, kind, name: kind === 'authority' ? name?.toLowerCase() : name })
}

/** What two parameters say of the same thing, of which either may say nothing. */
function agreed(
  parameter: TapParameter,
  value: string | undefined,
  otherParameter: TapParameter,
  other: string | undefined,
): string | undefined {
  if (value !== undefined && other !== undefined && value !== other) {
    throw new RequestError(parameter, `${quoted(value)} contradicts ${quoted(other)} in "${otherParameter}"`)
  }
  return value ?? other
}

function checkSides(
  direction: Direction | undefined,
  to: ResourceSelector | undefined,
  from: ResourceSelector | undefined,
): void {
  if (to !== undefined && from !== undefined) {
    throw new RequestError(
      'from',
      '"to" and "from" exclude each other: a proxy reports either what it sends or receives',
    )
  }
  if (to !== undefined && direction === 'inbound') {
    throw new RequestError('direction', '"to" asks for outbound reports, so the direction cannot be inbound')
  }
  if (from !== undefined && direction === 'outbound') {
    throw new RequestError(
      'direction',
      '"from" asks for inbound reports, so the direction cannot be outbound',
    )
  }
}

function parseDirection(text: string): Direction {
  switch (text.toLowerCase()) {
    case 'in':
    case 'inbound':
      return 'inbound'
    case 'out':
    case 'outbound':
      return 'outbound'
    default:
      throw new RequestError(
        'direction',
        `${quoted(text)} is no direction; it is inbound (in) or outbound (out)`,
      )
  }
}

function parseMethod(text: string): string {
  if (!TOKEN.test(text)) {
    throw new RequestError('method', `${quoted(text)} is no HTTP method; it is one such as GET`)
  }
  return text.toUpperCase()
}

function parseAuthority(text: string): string {
  return parsePattern('authority', text).toLowerCase()
}

function parsePath(text: string): string {
  const pattern = parsePattern('path', text)
  if (!/^[/*?]/.test(pattern)) {
    throw new RequestError(
      'path',
      `${quoted(text)} begins no path; it is a prefix such as /api, or a pattern such as */vote`,
    )
  }
  return pattern
}

function parsePattern(parameter: TapParameter, text: string): string {
  parseText(parameter, text)
  if (isGlob(text) && text.length > MAX_PATTERN) {
    throw new RequestError(
      parameter,
      `${quoted(text)} is a pattern of ${text.length} characters; at most ${MAX_PATTERN} are taken`,
    )
  }
  return text
}

function parseText(parameter: TapParameter, text: string): string {
  if (text === '') throw new RequestError(parameter, 'is empty; leave the parameter out to match everything')
  if (text.length > MAX_TEXT) {
    throw new RequestError(
      parameter,
      `${quoted(text)} has ${text.length} characters; at most ${MAX_TEXT} are taken`,
    )
  }
  return text
}

function parseStatus(text: string): StatusFilter {
  const lower = text.toLowerCase()
  if (lower === 'success' || lower === 'failure') return { kind: 'classification', classification: lower }
  if (/^[1-5]xx$/.test(lower)) return { kind: 'class', hundreds: Number(lower[0]) }
  if (/^[1-9]\d\d$/.test(lower)) return { kind: 'exact', status: Number(lower) }
  throw new RequestError(
    'status',
    `${quoted(text)} is no status; it is one such as 503, a class such as 5xx, success or failure`,
  )
}

function parseHeader(text: string): HeaderFilter {
  const colon = text.indexOf(':')
  const name = (colon < 0 ? text : text.slice(0, colon)).trim().toLowerCase()
  if (!TOKEN.test(name)) {
    throw new RequestError('header', `${quoted(text)} is no header; it is NAME or NAME:VALUE`)
  }
  if (colon < 0) return { name }
  const value = text.slice(colon + 1).trim()
  if (DEFAULT_REDACTION.isSecretHeader(name)) {
    throw new RequestError(
      'header',
      `the values of ${name} are not shown, nor matched: ask for "${name}" alone`,
    )
  }
  if (value.length > MAX_TEXT) {
    throw new RequestError(
      'header',
      `${quoted(text)} has a value of ${value.length} characters; at most ${MAX_TEXT} are taken`,
    )
  }
  return { name, value }
}

function parseMaxRps(text: string): number {
  const value = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= LEAST_MAX_RPS && value <= MOST_MAX_RPS)) {
    throw new RequestError(
      'max_rps',
      `${quoted(text)} is no rate; it is a number of events a second from ${LEAST_MAX_RPS} to ${MOST_MAX_RPS}`,
    )
  }
  return value
}

function given<T>(params: Parameters, name: TapParameter, parse: (text: string) => T): T | undefined {
  const text = params[name]
  return text === undefined ? undefined : parse(text)
}

/** What `T` is without the fields that are undefined. */
type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>
}
