import type { PodsAnswer, ResourceKind } from './answer.ts'
import { labelId, type ResourceLabel, WORKLOAD_KINDS } from './facet.ts'
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
  /** Clusters, namespaces, workloads and pods, by label id. What is not here has none. */
  readonly resources: ReadonlyMap<string, CountedResource>
}

export interface CountedResource {
  readonly label: ResourceLabel
  readonly pods: PodsAnswer
}

/** Tells how many pods there are, as of now. */
export interface PodCounts {
  current(): PodIndex
}

/** The pods of a resource; null where those of its cluster are not known. */
export function podsOf({ clusters, resources }: PodIndex, { id, cluster }: ResourceLabel): PodsAnswer | null {
  return clusters.has(cluster) ? (resources.get(id)?.pods ?? NO_PODS) : null
}

const NO_PODS: PodsAnswer = { running: 0, pending: 0, failed: 0 }

/**
 * Counts pods, at most once a second. Holds a count a cluster, namespace, workload and pod: about as much as whoever
 * watches the pods does.
 */
export class CountedPods implements PodCounts {
  readonly #sources: readonly PodSource[]
  readonly #now: () => number
  #index: PodIndex = { clusters: new Set(), resources: new Map() }
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

function indexWithin({ clusters, resources }: PodIndex, { sees }: View): PodIndex {
  const tally = new ResourceTally()
  for (const { label, pods } of resources.values()) {
    if (label.kind === 'cluster' || !sees(label)) continue
    tally.add(label, pods)
    if (label.kind === 'namespace') tally.add(clusterLabel(label.cluster), pods)
  }
  return { clusters, resources: tally.resources }
}

function count(sources: readonly PodSource[]): PodIndex {
  const clusters = new Set<string>()
  const tally = new ResourceTally()
  for (const source of sources) {
    const { cluster } = source
    const pods = source.pods()
    if (pods === undefined) continue
    clusters.add(cluster)
    for (const { namespace, kind, name, pod, phase } of pods) {
      if (phase !== 'running' && phase !== 'pending' && phase !== 'failed') continue
      const one = ONE[phase]
      tally.add(clusterLabel(cluster), one)
      tally.add(labelOf(cluster, namespace, 'namespace', namespace), one)
      tally.add(labelOf(cluster, namespace, 'pod', pod), one)
      const workload = WORKLOAD_KINDS.find((known) => known === kind)
      if (workload !== undefined) tally.add(labelOf(cluster, namespace, workload, name), one)
    }
  }
  return { clusters, resources: tally.resources }
}

const ONE: Readonly<Record<'running' | 'pending' | 'failed', PodsAnswer>> = {
  running: { ...NO_PODS, running: 1 },
  pending: { ...NO_PODS, pending: 1 },
  failed: { ...NO_PODS, failed: 1 },
}

class ResourceTally {
  readonly resources = new Map<string, { label: ResourceLabel; pods: Record<keyof PodsAnswer, number> }>()

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
