import type { Direction } from '../event/event.ts'
import { OVERFLOW, type SeriesKey, type Workload } from '../rollup/series.ts'
import type { ResourceKind } from './answer.ts'

/** Something a series belongs to: a resource, an edge, a row of `routes`. Two are the same when their ids are. */
export interface Label {
  readonly id: string
}

/** What rows can be by: a kind of resource, or workloads of all these kinds. */
export type GroupKind = ResourceKind | 'workload'

/** A resource of the mesh as one end of a request. */
export interface ResourceLabel extends Label {
  readonly cluster: string
  readonly namespace: string
  readonly kind: ResourceKind
  readonly name: string
}

/**
 * A way to name series. A pure function of the key, so that it is worked out once a series and kept (see
 * `SeriesTable.column`): `name` is unique among facets.
 */
export interface Facet<L extends Label> {
  readonly name: string
  /** Undefined where the series has no such label. */
  readonly label: (key: SeriesKey) => L | undefined
}

export type End = 'source' | 'destination'

/** Kinds that a workload of a series can be of, in the order in which answers list them. */
export const WORKLOAD_KINDS = [
  'cronjob',
  'daemonset',
  'deployment',
  'job',
  'replicaset',
  'statefulset',
] as const satisfies readonly ResourceKind[]

/** The end of a request whose proxy reports in this direction. */
function reportingEnd(direction: Direction): End {
  return direction === 'inbound' ? 'destination' : 'source'
}

/** The workload at an end. */
export function workloadAt(key: SeriesKey, end: End): Workload {
  return reportingEnd(key.direction) === end ? key.workload : key.peer
}

/** The resources of one kind that series have at one end. */
export function endFacet(end: End, kind: GroupKind): Facet<ResourceLabel> {
  return {
    name: `${end}/${kind}`,
    label: (key) => resourceAt(key, end, kind),
  }
}

/** The resources of one kind that the reporting proxies belong to, whatever the direction. */
export function reporterFacet(kind: GroupKind): Facet<ResourceLabel> {
  return {
    name: `reporter/${kind}`,
    label: (key) => resourceAt(key, reportingEnd(key.direction), kind),
  }
}

/** The reporting pods; one without a name stands for all such of its workload. */
export const REPORTING_POD: Facet<Label> = {
  name: 'reporting-pod',
  label: ({ workload, pod }) =>
    isOverflow(workload) ? undefined : { id: labelId(workloadId(workload), pod) },
}

/** A workload of any kind, known or not, as one end of a request. */
export interface WorkloadLabel extends Label, Workload {}

export function workloadFacet(end: End): Facet<WorkloadLabel> {
  return {
    name: `${end}/any`,
    label: (key) => {
      const workload = workloadAt(key, end)
      return { id: workloadId(workload), ...workload }
    },
  }
}

/**
 * Requests from one workload to one resource of a kind: the unit of which only one proxy's reports count. As the two
 * proxies of a request may name its route differently, requests by route are told apart by their service.
 */
export function pairFacet(kind: GroupKind): Facet<Label> {
  return {
    name: `pair/${kind}`,
    label: (key) => {
      const destination =
        kind === 'route' ? DESTINATION_SERVICE.label(key) : resourceAt(key, 'destination', kind)
      if (destination === undefined) return undefined
      return { id: labelId(workloadId(workloadAt(key, 'source')), destination.id) }
    },
  }
}

/** Requests to one service, or to one workload where the service is not known. */
export const DESTINATION_SERVICE: Facet<Label> = {
  name: 'destination-service',
  label: (key) => {
    const workload = workloadAt(key, 'destination')
    if (key.service === '') return { id: labelId('', workloadId(workload)) }
    return { id: labelId(workload.cluster, workload.namespace, key.service) }
  },
}

/** Whether this stands for workloads that a full rollup no longer kept apart. */
export function isOverflow(workload: Workload): boolean {
  return workload.name === OVERFLOW
}

export function workloadId({ cluster, namespace, kind, name }: Workload): string {
  return labelId(cluster, namespace, kind, name)
}

export function labelId(...parts: readonly string[]): string {
  return parts.join('\u0000')
}

function resourceAt(key: SeriesKey, end: End, kind: GroupKind): ResourceLabel | undefined {
  const workload = workloadAt(key, end)
  const { cluster, namespace, name } = workload
  if (kind === 'cluster') return resource(cluster, '', kind, cluster)
  if (kind === 'namespace') return resource(cluster, namespace, kind, namespace)
  if (kind === 'service' || kind === 'authority' || kind === 'route') {
    return end === 'destination' ? resource(cluster, namespace, kind, key[kind]) : undefined
  }
  if (kind === 'pod') {
    return end === reportingEnd(key.direction) ? resource(cluster, namespace, kind, key.pod) : undefined
  }
  if (kind !== 'workload')
    return workload.kind === kind ? resource(cluster, namespace, kind, name) : undefined
  const known = WORKLOAD_KINDS.find((kind) => kind === workload.kind)
  return known && resource(cluster, namespace, known, name)
}

function resource(
  cluster: string,
  namespace: string,
  kind: ResourceKind,
  name: string,
): ResourceLabel | undefined {
  if (name === '') return undefined
  return { id: labelId(cluster, namespace, kind, name), cluster, namespace, kind, name }
}
