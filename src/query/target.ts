import { OVERFLOW, parseScope, type Workload } from '../rollup/series.ts'
import type { ResourceKind } from './answer.ts'
import type { ResourceLabel, WorkloadLabel } from './facet.ts'

/** What a query is about: resources of one kind, or of all. Fields left out match everything. */
export interface Target {
  readonly kind: ResourceKind | 'all'
  readonly name?: string
  /** Never given for the kinds cluster and namespace. */
  readonly namespace?: string
  readonly cluster?: string
}

/** The other end of the requests that are asked about: the one they go `to`, or come `from`. */
export interface Peer {
  readonly role: 'to' | 'from'
  readonly target: Target
}

/** Whether a resource of the target's kind (for `all`: of any) is meant. */
export function matchesResource(target: Target, label: ResourceLabel): boolean {
  return (
    (target.cluster === undefined || target.cluster === label.cluster) &&
    (target.namespace === undefined || target.namespace === label.namespace) &&
    (target.name === undefined || target.name === label.name)
  )
}

/** Whether a workload is meant, or lies in the cluster or namespace that is. */
export function matchesWorkload(target: Target, workload: Workload | WorkloadLabel): boolean {
  const { cluster, namespace } = boundsOf(target)
  if (cluster !== undefined && cluster !== workload.cluster) return false
  if (namespace !== undefined && namespace !== workload.namespace) return false
  if (target.kind === 'all' || target.kind === 'cluster' || target.kind === 'namespace') return true
  return target.kind === workload.kind && (target.name === undefined || target.name === workload.name)
}

/**
 * Which blobs hold reports of a target's own proxies, by scope name. What a full rollup no longer kept apart is
 * always among them.
 */
export function scopesOf(...targets: readonly Target[]): (scope: string) => boolean {
  const bounds = targets.map(boundsOf)
  const known = new Map<string, boolean>()
  return (name) => {
    let isWanted = known.get(name)
    if (isWanted === undefined) {
      const scope = parseScope(name)
      isWanted =
        scope.namespace === OVERFLOW ||
        bounds.some(
          ({ cluster, namespace }) =>
            (cluster === undefined || cluster === scope.cluster) &&
            (namespace === undefined || namespace === scope.namespace),
        )
      known.set(name, isWanted)
    }
    return isWanted
  }
}

export const ALL_SCOPES = (): boolean => true

/** A target in words, as the command line takes it: `deployment/web in namespace emojivoto`. */
export function describe(target: Target): string {
  const what = target.name === undefined ? plural(target.kind) : `${target.kind}/${target.name}`
  const where = [
    ...(target.namespace === undefined ? [] : [`namespace ${target.namespace}`]),
    ...(target.cluster === undefined ? [] : [`cluster ${target.cluster}`]),
  ]
  return where.length === 0 ? what : `${what} in ${where.join(' of ')}`
}

function plural(kind: Target['kind']): string {
  if (kind === 'all') return 'resources of any kind'
  return kind === 'authority' ? 'authorities' : `${kind}s`
}

/** The cluster and namespace that a target names, as its place or as itself. */
export function boundsOf(target: Target): { readonly cluster?: string; readonly namespace?: string } {
  if (target.name === undefined) return target
  if (target.kind === 'cluster') return { cluster: target.name }
  return target.kind === 'namespace' ? { ...target, namespace: target.name } : target
}
