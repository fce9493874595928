import type { PodsAnswer, ResourceKind } from './answer.ts'
import { type GroupKind, labelId, type ResourceLabel, WORKLOAD_KINDS } from './facet.ts'
import type { View } from './view.ts'

/** How long counts are good for. */
const MAX_AGE_MS = 1000

/** A pod, the workload that it is of, and how far it is. */
export interface KnownPod {
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly pod: string
  readonly phase: 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown'
}

/** A cluster whose pods are known. */
export interface PodSource {
  readonly cluster: string
  /** The pods that are there now; undefined while it is not known which. */
  readonly pods: () => Iterable<KnownPod> | undefined
}

/** How many pods resources have. */
export interface PodIndex {
  /** The clusters whose pods are known. */
  readonly clusters: ReadonlySet<string>
  /** Clusters, namespaces and workloads, by label id. What is not here has none. */
  readonly resources: CountedResources
  /** The pods themselves, by label id: made when first asked for, as they are many. */
  readonly pods: () => CountedResources
}

export type CountedResources = ReadonlyMap<string, CountedResource>

export interface CountedResource {
  readonly label: ResourceLabel
  readonly pods: PodsAnswer
}

/** Tells how many pods there are, as of now. */
export interface PodCounts {
  current(): PodIndex
}

/** The pods of a resource; null where those of its cluster are not known. */
export function podsOf(index: PodIndex, { id, cluster, kind }: ResourceLabel): PodsAnswer | null {
  if (!index.clusters.has(cluster)) return null
  return resourcesOfKind(index, kind).get(id)?.pods ?? NO_PODS
}

/** Where resources of a kind are. */
export function resourcesOfKind(index: PodIndex, kind: GroupKind): CountedResources {
  return kind === 'pod' ? index.pods() : index.resources
}

const NO_PODS: PodsAnswer = { running: 0, pending: 0, failed: 0 }

/**
 * Counts pods, at most once a second. Holds a count a cluster, namespace, workload and pod: about as much as whoever
 * watches the pods does.
 */
export class CountedPods implements PodCounts {
  readonly #sources: readonly PodSource[]
  readonly #now: () => number
  #index: PodIndex = { clusters: new Set(), resources: new Map(), pods: () => new Map() }
  #countedMs = Number.NEGATIVE_INFINITY

  constructor(sources: readonly PodSource[], now: () => number) {
    this.#sources = sources
    this.#now = now
  }

  current(): PodIndex {
    const now = this.#now()
    if (Math.abs(now - this.#countedMs) >= MAX_AGE_MS) {
      this.#index = count(this.#sources)
      this.#countedMs = now
    }
    return this.#index
  }
}

/** The pods of the namespaces that a view sees. */
export function podsWithin(pods: PodCounts, view: View): PodCounts {
  let all: PodIndex | undefined
  let seen: PodIndex | undefined
  return {
    current() {
      const current = pods.current()
      if (seen === undefined || current !== all) {
        all = current
        seen = indexWithin(current, view)
      }
      return seen
    },
  }
}

function indexWithin({ clusters, resources, pods }: PodIndex, { sees }: View): PodIndex {
  const tally = new ResourceTally()
  for (const { label, pods } of resources.values()) {
    if (label.kind === 'cluster' || !sees(label)) continue
    tally.add(label, pods)
    if (label.kind === 'namespace') tally.add(clusterLabel(label.cluster), pods)
  }
  const seenPods = once(() => new Map([...pods()].filter(([, { label }]) => sees(label))))
  return { clusters, resources: tally.resources, pods: seenPods }
}

/** The counts of what has the same name in a namespace, without a label a pod. */
interface Space {
  readonly all: Counts
  readonly workloads: Map<string, Map<string, Counts>>
  readonly pods: KnownPod[]
}

type Phase = keyof PodsAnswer
type Counts = Record<Phase, number>

function count(sources: readonly PodSource[]): PodIndex {
  const clusters = new Map<string, Map<string, Space>>()
  for (const source of sources) {
    const pods = source.pods()
    if (pods !== undefined) clusters.set(source.cluster, spacesOf(pods))
  }
  const tally = new ResourceTally()
  for (const [cluster, spaces] of clusters) {
    for (const [namespace, { all, workloads }] of spaces) {
      tally.add(clusterLabel(cluster), all)
      tally.add(labelOf(cluster, namespace, 'namespace', namespace), all)
      for (const kind of WORKLOAD_KINDS) {
        for (const [name, counts] of workloads.get(kind) ?? []) {
          tally.add(labelOf(cluster, namespace, kind, name), counts)
        }
      }
    }
  }
  return {
    clusters: new Set(clusters.keys()),
    resources: tally.resources,
    pods: once(() => podsIn(clusters)),
  }
}

function spacesOf(pods: Iterable<KnownPod>): Map<string, Space> {
  const spaces = new Map<string, Space>()
  for (const pod of pods) {
    const { namespace, kind, name, phase } = pod
    if (!isCounted(phase)) continue
    let space = spaces.get(namespace)
    if (space === undefined)
      spaces.set(namespace, (space = { all: { ...NO_PODS }, workloads: new Map(), pods: [] }))
    let workloads = space.workloads.get(kind)
    if (workloads === undefined) space.workloads.set(kind, (workloads = new Map()))
    let workload = workloads.get(name)
    if (workload === undefined) workloads.set(name, (workload = { ...NO_PODS }))
    space.all[phase]++
    workload[phase]++
    space.pods.push(pod)
  }
  return spaces
}

function podsIn(clusters: ReadonlyMap<string, ReadonlyMap<string, Space>>): CountedResources {
  const tally = new ResourceTally()
  for (const [cluster, spaces] of clusters) {
    for (const { pods } of spaces.values()) {
      for (const { namespace, pod, phase } of pods) {
        if (isCounted(phase)) tally.add(labelOf(cluster, namespace, 'pod', pod), ONE[phase])
      }
    }
  }
  return tally.resources
}

function isCounted(phase: KnownPod['phase']): phase is Phase {
  return phase === 'running' || phase === 'pending' || phase === 'failed'
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

const ONE: Readonly<Record<Phase, PodsAnswer>> = {
  running: { ...NO_PODS, running: 1 },
  pending: { ...NO_PODS, pending: 1 },
  failed: { ...NO_PODS, failed: 1 },
}

class ResourceTally {
  readonly resources = new Map<string, { label: ResourceLabel; pods: Counts }>()

  add(label: ResourceLabel, { running, pending, failed }: PodsAnswer): void {
    const known = this.resources.get(label.id)
    if (known === undefined) {
      this.resources.set(label.id, { label, pods: { running, pending, failed } })
      return
    }
    known.pods.running += running
    known.pods.pending += pending
    known.pods.failed += failed
  }
}

function clusterLabel(cluster: string): ResourceLabel {
  return labelOf(cluster, '', 'cluster', cluster)
}

/** As facets label resources. */
function labelOf(cluster: string, namespace: string, kind: ResourceKind, name: string): ResourceLabel {
  return { id: labelId(cluster, namespace, kind, name), cluster, namespace, kind, name }
}
