import type { FlowView } from '../flow-view.ts'
import type { ResourceSelector } from '../tap-query.ts'
import type { EndOf } from './side.ts'

/** Whether an end of a flow is what a selector names. */
export function resourcePredicate(selector: ResourceSelector, endOf: EndOf): (flow: FlowView) => boolean {
  const { cluster, namespace, kind, name } = selector
  const nameOf = kind === undefined ? undefined : nameReader(kind, endOf)
  return (flow) => {
    const end = endOf(flow)
    if (cluster !== undefined && cluster !== end.cluster) return false
    if (namespace !== undefined && namespace !== end.namespace) return false
    if (nameOf === undefined) return true
    const found = nameOf(flow)
    return name === undefined ? found !== '' : found === name
  }
}

/** Reads the name of a flow's resource of one kind, `''` where it has none. */
function nameReader(kind: NonNullable<ResourceSelector['kind']>, endOf: EndOf): (flow: FlowView) => string {
  if (kind === 'pod' || kind === 'service') return (flow) => endOf(flow)[kind]
  if (kind === 'authority' || kind === 'route') return (flow) => flow[kind]
  return (flow) => {
    const end = endOf(flow)
    return end.kind === kind ? end.name : ''
  }
}
