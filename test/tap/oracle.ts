import { classify } from '../../src/event/classification.ts'
import type { Endpoint, RequestEvent } from '../../src/event/event.ts'
import { templatePath } from '../../src/rollup/route.ts'
import type { ResourceSelector, TapQuery } from '../../src/tap/tap-query.ts'

/** Cluster of endpoints that name none. */
export const DEFAULT_CLUSTER = 'east'

/** Whether a query wants an event, worked out from the objects alone, in the plainest way. */
export function wants(query: TapQuery, event: RequestEvent): boolean {
  const { source = {}, destination, direction } = event
  const isInbound = direction === 'inbound'
  const [reporter, peer] = isInbound ? [destination, source] : [source, destination]
  if (query.direction !== undefined && query.direction !== direction) return false
  if (query.to !== undefined && (isInbound || !isMeant(query.to, peer, event, false))) return false
  if (query.from !== undefined && (!isInbound || !isMeant(query.from, peer, event, false))) return false
  const goesTo = ['service', 'authority', 'route'].includes(query.resource.kind ?? '')
  const end = goesTo ? (query.to === undefined ? destination : source) : reporter
  if (!isMeant(query.resource, end, event, end === reporter)) return false
  const path = (event.path ?? '').replace(/[?#].*/, '')
  if (query.method !== undefined && query.method !== event.method?.toUpperCase()) return false
  if (query.authority !== undefined && !glob(query.authority).test((event.authority ?? '').toLowerCase()))
    return false
  if (query.path !== undefined) {
    if (/[*?]/.test(query.path) ? !glob(query.path).test(path) : !path.startsWith(query.path)) return false
  }
  if (query.status !== undefined) {
    const { status = -1, grpcStatus = -1, reset = false } = event
    if (query.status.kind === 'exact' && query.status.status !== status) return false
    if (query.status.kind === 'class' && String(status)[0] !== String(query.status.hundreds)) return false
    if (query.status.kind === 'classification') {
      if (classify(status, grpcStatus, reset) !== query.status.classification) return false
    }
  }
  if (event.latencyMicros < (query.minLatencyMicros ?? 0)) return false
  const { header } = query
  if (header === undefined) return true
  return [...(event.requestHeaders ?? []), ...(event.responseHeaders ?? [])].some(
    ({ name, value }) =>
      name.toLowerCase() === header.name && (header.value === undefined || header.value === value),
  )
}

function isMeant(selector: ResourceSelector, end: Endpoint, event: RequestEvent, reports: boolean): boolean {
  const isKnown = Object.keys(end).some((field) =>
    ['namespace', 'name', 'pod', 'service', 'ip'].includes(field),
  )
  const cluster = isKnown ? (end.cluster ?? DEFAULT_CLUSTER) : ''
  if (selector.cluster !== undefined && selector.cluster !== cluster) return false
  if (selector.namespace !== undefined && selector.namespace !== (end.namespace ?? '')) return false
  if (selector.kind === undefined) return true
  const name = nameOf(selector.kind, end, event, reports) ?? ''
  return selector.name === undefined ? name !== '' : name === selector.name
}

function nameOf(kind: string, end: Endpoint, event: RequestEvent, reports: boolean): string | undefined {
  if (kind === 'pod') return end.pod ?? (reports ? event.proxy : undefined)
  if (kind === 'service') return end.service
  if (kind === 'authority') return event.authority?.toLowerCase()
  if (kind === 'route') return event.route ?? templatePath(event.path ?? '')
  return end.name !== undefined && (end.kind ?? 'deployment') === kind ? end.name : undefined
}

function glob(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 'su')
}
