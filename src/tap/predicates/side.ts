import type { Direction } from '../../event/event.ts'
import type { EndView, FlowView } from '../flow-view.ts'
import type { TapQuery } from '../tap-query.ts'

/** The end of a flow that a selector is about. */
export type EndOf = (flow: FlowView) => EndView

export const sourceOf: EndOf = (flow) => flow.source
export const destinationOf: EndOf = (flow) => flow.destination
export const reporterOf: EndOf = (flow) => (flow.direction === 'inbound' ? flow.destination : flow.source)

/** Whose reports a query wants: `to` asks for those of sources, `from` for those of destinations. */
export function wantedDirection({ direction, to, from }: TapQuery): Direction | undefined {
  if (to !== undefined) return 'outbound'
  if (from !== undefined) return 'inbound'
  return direction
}

/** The end that a query's resource is at: a service has no proxies, so it is where requests go. */
export function resourceEnd({ resource, to }: TapQuery): EndOf {
  const { kind } = resource
  if (kind !== 'service' && kind !== 'authority' && kind !== 'route') return reporterOf
  return to === undefined ? destinationOf : sourceOf
}
