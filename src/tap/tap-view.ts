import type { Endpoint, RequestEvent } from '../event/event.ts'
import type { Scope } from '../rollup/series.ts'
import type { EndView, FlowView } from './flow-view.ts'
import { compileGlob } from './glob.ts'
import { reporterOf } from './predicates/side.ts'
import type { TapScope } from './tap-query.ts'

/** What of a report is shown. */
export type Shown = Pick<TapScope, 'paths' | 'headers'>

/** What is shown of the reports of a namespace's proxies; undefined where they are not shown at all. */
export type TapView = (scope: Scope) => Shown | undefined

/** Namespaces of which it is remembered what is shown. */
const MAX_REMEMBERED = 10_000

export function compileTapView(scopes: readonly TapScope[]): TapView {
  const compiled = scopes.map(({ cluster, namespace, ...shown }) => ({
    ...shown,
    isIn: [compileGlob(cluster), compileGlob(namespace)] as const,
  }))
  const known = new Map<string, Shown | undefined>()
  return ({ cluster, namespace }) => {
    const key = `${cluster}\u0000${namespace}`
    if (known.has(key)) return known.get(key)
    const matching = compiled.filter(
      ({ isIn: [isCluster, isNamespace] }) => isCluster(cluster) && isNamespace(namespace),
    )
    const shown =
      matching.length === 0
        ? undefined
        : { paths: matching.some(({ paths }) => paths), headers: matching.some(({ headers }) => headers) }
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(key, shown)
    return shown
  }
}

const NOBODY: EndView = { cluster: '', namespace: '', kind: '', name: '', pod: '', service: '' }

/** A flow as a view shows it: what is not shown cannot be asked for either. Undefined where nothing is. */
export function flowWithin(
  flow: FlowView,
  view: TapView,
): (FlowView & { readonly shown: Shown }) | undefined {
  const shown = view(reporterOf(flow))
  if (shown === undefined) return undefined
  const isPeerShown = showsEnd(view, flow.direction === 'inbound' ? flow.source : flow.destination)
  const isSourceShown = flow.direction === 'outbound' || isPeerShown
  const isDestinationShown = flow.direction === 'inbound' || isPeerShown
  return new FlowWithin(
    flow,
    shown,
    isSourceShown ? flow.source : NOBODY,
    isDestinationShown ? flow.destination : NOBODY,
  )
}

class FlowWithin implements FlowView {
  readonly shown: Shown
  readonly source: EndView
  readonly destination: EndView
  readonly #flow: FlowView

  constructor(flow: FlowView, shown: Shown, source: EndView, destination: EndView) {
    this.#flow = flow
    this.shown = shown
    this.source = source
    this.destination = destination
  }

  get direction(): FlowView['direction'] {
    return this.#flow.direction
  }

  get method(): string {
    return this.#flow.method
  }

  get authority(): string {
    return this.destination === NOBODY ? '' : this.#flow.authority
  }

  get path(): string {
    return this.shown.paths ? this.#flow.path : ''
  }

  get route(): string {
    return this.#flow.route
  }
}

/**
 * An event as a view shows it; undefined where it does not. The other end is unknown where its namespace is not shown, and
 * with a destination goes the authority, which names it.
 */
export function eventWithin(event: RequestEvent, view: TapView): RequestEvent | undefined {
  const { direction, source, destination } = event
  const shown = view(scopeOf(direction === 'inbound' ? destination : source))
  if (shown === undefined) return undefined
  const { authority, path, requestHeaders, responseHeaders, source: _source, ...rest } = event
  const isPeerShown = showsEnd(view, scopeOf(direction === 'inbound' ? source : destination))
  const isDestinationShown = direction === 'inbound' || isPeerShown
  return {
    ...rest,
    ...(source !== undefined && (direction === 'outbound' || isPeerShown) ? { source } : {}),
    destination: isDestinationShown ? destination : {},
    ...(authority !== undefined && isDestinationShown ? { authority } : {}),
    ...(path !== undefined && shown.paths ? { path } : {}),
    ...(requestHeaders !== undefined && shown.headers ? { requestHeaders } : {}),
    ...(responseHeaders !== undefined && shown.headers ? { responseHeaders } : {}),
  }
}

/** What is in no namespace is in nobody's. */
function showsEnd(view: TapView, scope: Scope): boolean {
  return scope.namespace === '' || view(scope) !== undefined
}

function scopeOf(endpoint: Endpoint | undefined): Scope {
  return { cluster: endpoint?.cluster ?? '', namespace: endpoint?.namespace ?? '' }
}

/** Scopes as a text, equal for equal ones, and back. */
export function formatTapScopes(scopes: readonly TapScope[]): string {
  return JSON.stringify(
    scopes.map(({ cluster, namespace, paths, headers }) => [cluster, namespace, paths, headers]),
  )
}

/** Throws a RangeError where the text is none that `formatTapScopes` makes. */
export function parseTapScopes(text: string): readonly TapScope[] {
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch {
    throw new RangeError('is no list')
  }
  if (!Array.isArray(parts)) throw new RangeError('is no list')
  return parts.map((part: unknown): TapScope => {
    const [cluster, namespace, paths, headers] = Array.isArray(part) ? (part as unknown[]) : []
    if (
      typeof cluster !== 'string' ||
      typeof namespace !== 'string' ||
      typeof paths !== 'boolean' ||
      typeof headers !== 'boolean'
    ) {
      throw new RangeError('has a part that is none')
    }
    return { cluster, namespace, paths, headers }
  })
}
