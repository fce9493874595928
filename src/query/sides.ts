import { DESTINATION_SERVICE, endFacet, type GroupKind, pairFacet } from './facet.ts'
import { hasPods } from './reporting-pods.ts'
import type { Question } from './select.ts'

/** Which proxies' reports count. */
export type Sides = Pick<Question<never>, 'only' | 'prefer'>

/**
 * A request is reported by up to two proxies, its source's (outbound) and its destination's (inbound), and is to be
 * counted once.
 *
 * - Of a resource that has proxies, what it receives is what they report as inbound.
 * - A service, authority or route has none of its own: inbound reports where any proxy reports it inbound, else what
 *   its clients report. Routes go by their service.
 */
export function receivingSides(kind: GroupKind): Sides {
  if (hasPods(kind)) return { only: 'inbound' }
  const unit = kind === 'route' ? DESTINATION_SERVICE : endFacet('destination', kind)
  return { prefer: [{ direction: 'inbound', unit }] }
}

/**
 * Between a source and a destination of some kind: what the source's proxies report, and only where they report nothing
 * of this destination, what the destination's do. (Only a proxy itself knows its pod: a pod is seen from its own side
 * alone, as reports of the other side do not have it.)
 */
export function betweenSides(destination: GroupKind): Sides {
  return { prefer: [{ direction: 'outbound', unit: pairFacet(destination) }] }
}
