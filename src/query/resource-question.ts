import { type End, endFacet, type GroupKind, type ResourceLabel, workloadFacet } from './facet.ts'
import { hasPods } from './reporting-pods.ts'
import { type Filter, filterOn, type Question } from './select.ts'
import { betweenSides, receivingSides } from './sides.ts'
import { ALL_SCOPES, matchesResource, matchesWorkload, type Peer, scopesOf, type Target } from './target.ts'

/** Rows by resources of a kind: what they receive, or with a peer what goes between them and it. */
export function resourceQuestion(kind: GroupKind, target: Target, peer?: Peer): Question<ResourceLabel> {
  const accepts = (label: ResourceLabel) => matchesResource(target, label)
  if (peer === undefined) return { group: endFacet('destination', kind), accepts, ...receivingSides(kind) }
  const other = groupKindOf(peer.target)
  return peer.role === 'to'
    ? {
        group: endFacet('source', kind),
        accepts,
        filters: [filterAt('destination', peer.target)],
        ...betweenSides(other),
      }
    : {
        group: endFacet('destination', kind),
        accepts,
        filters: [filterAt('source', peer.target)],
        ...betweenSides(kind),
      }
}

/** The condition that a request has a target at one end. */
export function filterAt(end: End, target: Target): Filter {
  if (target.kind === 'all') return filterOn(workloadFacet(end), (label) => matchesWorkload(target, label))
  return filterOn(endFacet(end, target.kind), (label) => matchesResource(target, label))
}

/** The kind by which a target's requests are told apart: where it is of any kind, by service. */
export function groupKindOf(target: Target): GroupKind {
  return target.kind === 'all' ? 'route' : target.kind
}

/**
 * Which blobs a question reads. Of something without proxies of its own, everyone's: who calls it is not known
 * beforehand.
 */
export function questionScopes(target: Target, peer?: Peer): (scope: string) => boolean {
  if (peer !== undefined) return scopesOf(target, peer.target)
  return target.kind === 'all' || !hasPods(target.kind) ? ALL_SCOPES : scopesOf(target)
}
