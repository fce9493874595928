import type { TapParameter } from './parse-tap-query.ts'
import type { HeaderFilter, ResourceSelector, StatusFilter, TapQuery } from './tap-query.ts'
import { formatTapScopes } from './tap-view.ts'

/**
 * A query in its canonical form: URL parameters in a fixed order, which `parseCanonicalTapQuery` reads back to an equal query.
 * Equal queries have equal texts, so it is what registrations are shared by.
 */
export function formatTapQuery(query: TapQuery): string {
  const { resource, to, from } = query
  const fields: readonly (readonly [TapParameter | 'scopes', string | undefined])[] = [
    ['resource', resourceText(resource) ?? 'all'],
    ['namespace', resource.namespace],
    ['cluster', resource.cluster],
    ['direction', query.direction],
    ...peerFields('to', to),
    ...peerFields('from', from),
    ['method', query.method],
    ['authority', query.authority],
    ['path', query.path],
    ['status', query.status && statusText(query.status)],
    ['min_latency', query.minLatencyMicros === undefined ? undefined : `${query.minLatencyMicros}us`],
    ['header', query.header && headerText(query.header)],
    ['scopes', query.scopes && formatTapScopes(query.scopes)],
    ['max_rps', String(query.maxRps)],
  ]
  return new URLSearchParams(
    fields.flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
  ).toString()
}

export function isSameQuery(a: TapQuery, b: TapQuery): boolean {
  return a === b || formatTapQuery(a) === formatTapQuery(b)
}

function peerFields(
  role: 'to' | 'from',
  peer: ResourceSelector | undefined,
): (readonly [TapParameter, string | undefined])[] {
  if (peer === undefined) return []
  return [
    [role, resourceText(peer) ?? 'all'],
    [`${role}_namespace`, peer.namespace],
    [`${role}_cluster`, peer.cluster],
  ]
}

function resourceText({ kind, name }: ResourceSelector): string | undefined {
  return name === undefined ? kind : `${kind}/${name}`
}

function statusText(status: StatusFilter): string {
  if (status.kind === 'exact') return String(status.status)
  return status.kind === 'class' ? `${status.hundreds}xx` : status.classification
}

function headerText({ name, value }: HeaderFilter): string {
  return value === undefined ? name : `${name}:${value}`
}
