import type { CompiledTap } from './compiled-tap.ts'
import type { FlowView } from './flow-view.ts'
import { isGlob } from './glob.ts'
import { destinationOf, type EndOf, reporterOf, resourceEnd, sourceOf } from './predicates/side.ts'
import type { ResourceSelector, TapQuery } from './tap-query.ts'

/** A property of flows that taps are found by; a tap is put under the value that it asks for. */
type Facet = (flow: FlowView) => string

const workload = (endOf: EndOf): Facet => {
  return (flow) => {
    const { kind, name } = endOf(flow)
    return `${kind}/${name}`
  }
}

const FACETS = {
  authority: (flow) => flow.authority,
  route: (flow) => flow.route,
  'reporter-workload': workload(reporterOf),
  'source-workload': workload(sourceOf),
  'destination-workload': workload(destinationOf),
  'reporter-pod': (flow) => reporterOf(flow).pod,
  'source-pod': (flow) => flow.source.pod,
  'destination-pod': (flow) => flow.destination.pod,
  'source-service': (flow) => flow.source.service,
  'destination-service': (flow) => flow.destination.service,
  'reporter-namespace': (flow) => reporterOf(flow).namespace,
  'source-namespace': (flow) => flow.source.namespace,
  'destination-namespace': (flow) => flow.destination.namespace,
  /** For taps that ask for nothing of the kind. */
  any: () => '',
} as const satisfies Readonly<Record<string, Facet>>

type FacetName = keyof typeof FACETS
type EndName = 'reporter' | 'source' | 'destination'

interface Place {
  readonly facet: FacetName
  readonly value: string
}

const ANYWHERE: Place = { facet: 'any', value: '' }

/**
 * Finds the taps that want a flow. Each tap lies under the rarest thing that it asks for by name, so that of a thousand
 * taps only those are tried that ask for this flow's workload, service, namespace.
 */
export class TapIndex {
  readonly taps: readonly CompiledTap[]
  readonly #facets: readonly (readonly [Facet, ReadonlyMap<string, readonly number[]>])[]

  constructor(taps: readonly CompiledTap[]) {
    this.taps = taps
    const byFacet = new Map<FacetName, Map<string, number[]>>()
    taps.forEach(({ query }, tap) => {
      const { facet, value } = placeOf(query)
      let byValue = byFacet.get(facet)
      if (byValue === undefined) byFacet.set(facet, (byValue = new Map<string, number[]>()))
      const there = byValue.get(value)
      if (there === undefined) byValue.set(value, [tap])
      else there.push(tap)
    })
    this.#facets = [...byFacet].map(([name, byValue]) => [FACETS[name], byValue])
  }

  /** Positions in `taps` of those whose flow conditions hold. */
  wanting(flow: FlowView): number[] {
    const found: number[] = []
    for (const [facet, byValue] of this.#facets) {
      const there = byValue.get(facet(flow))
      if (there === undefined) continue
      for (const tap of there) if (this.taps[tap]!.wantsFlow(flow)) found.push(tap)
    }
    return found
  }
}

function placeOf(query: TapQuery): Place {
  const { resource, to, from, authority } = query
  const end = endName(query)
  const peer = to ?? from
  const peerEnd = to === undefined ? 'source' : 'destination'
  return (
    nameOf(resource, end) ??
    (peer && nameOf(peer, peerEnd)) ??
    (authority !== undefined && !isGlob(authority) ? { facet: 'authority', value: authority } : undefined) ??
    namespaceOf(resource, end) ??
    (peer && namespaceOf(peer, peerEnd)) ??
    ANYWHERE
  )
}

function endName(query: TapQuery): EndName {
  const endOf = resourceEnd(query)
  if (endOf === reporterOf) return 'reporter'
  return endOf === sourceOf ? 'source' : 'destination'
}

function nameOf({ kind, name }: ResourceSelector, end: EndName): Place | undefined {
  if (kind === undefined || name === undefined) return undefined
  if (kind === 'authority' || kind === 'route') return { facet: kind, value: name }
  if (kind === 'pod') return { facet: `${end}-pod`, value: name }
  if (kind === 'service') return end === 'reporter' ? undefined : { facet: `${end}-service`, value: name }
  return { facet: `${end}-workload`, value: `${kind}/${name}` }
}

function namespaceOf({ namespace }: ResourceSelector, end: EndName): Place | undefined {
  return namespace === undefined ? undefined : { facet: `${end}-namespace`, value: namespace }
}
