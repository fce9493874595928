import { DEFAULT_REDACTION, type Redaction } from '../rollup/redaction.ts'
import type { FlowView } from './flow-view.ts'
import { authorityPredicate } from './predicates/authority.ts'
import { methodPredicate } from './predicates/method.ts'
import { pathPredicate } from './predicates/path.ts'
import { resourcePredicate } from './predicates/resource.ts'
import { destinationOf, resourceEnd, sourceOf, wantedDirection } from './predicates/side.ts'
import { type OutcomePredicate, statusPredicate } from './predicates/status.ts'
import type { HeaderFilter, TapQuery } from './tap-query.ts'
import { compileTapView, flowWithin } from './tap-view.ts'

/** A query taken apart by what decides: an event's flow, its outcome, or the event itself. */
export interface CompiledTap {
  readonly query: TapQuery
  /** All that the flow decides. */
  readonly wantsFlow: (flow: FlowView) => boolean
  /** Undefined where every outcome is wanted. */
  readonly wantsOutcome: OutcomePredicate | undefined
  readonly minLatencyMicros: number
  readonly header: HeaderFilter | undefined
}

/** A tap that asks for a header's value that `redaction` does not show wants nothing. */
export function compileTap(query: TapQuery, redaction: Redaction = DEFAULT_REDACTION): CompiledTap {
  return {
    query,
    wantsFlow: asksForSecret(query, redaction) ? () => false : flowPredicate(query),
    wantsOutcome: query.status && statusPredicate(query.status),
    minLatencyMicros: query.minLatencyMicros ?? 0,
    header: query.header,
  }
}

function asksForSecret({ header }: TapQuery, redaction: Redaction): boolean {
  return header?.value !== undefined && redaction.header(header.name, header.value) !== header.value
}

function flowPredicate(query: TapQuery): (flow: FlowView) => boolean {
  const direction = wantedDirection(query)
  const all = [
    ...(direction === undefined ? [] : [(flow: FlowView) => flow.direction === direction]),
    resourcePredicate(query.resource, resourceEnd(query)),
    ...(query.to === undefined ? [] : [resourcePredicate(query.to, destinationOf)]),
    ...(query.from === undefined ? [] : [resourcePredicate(query.from, sourceOf)]),
    ...(query.method === undefined ? [] : [methodPredicate(query.method)]),
    ...(query.authority === undefined ? [] : [authorityPredicate(query.authority)]),
    ...(query.path === undefined ? [] : [pathPredicate(query.path)]),
  ]
  const { scopes, header } = query
  if (scopes === undefined) return (flow) => all.every((predicate) => predicate(flow))
  const view = compileTapView(scopes)
  return (flow) => {
    const within = flowWithin(flow, view)
    if (within === undefined || (header !== undefined && !within.shown.headers)) return false
    return all.every((predicate) => predicate(within))
  }
}
