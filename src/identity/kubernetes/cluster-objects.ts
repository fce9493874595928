import type { AddressBook, Occupant } from '../address-book.ts'
import { type Owner, ownerOf, type PodFacts, podFacts, type PodPhase } from './pod-facts.ts'
import type { KubernetesObject } from './reflector.ts'

/** A pod that is there, for counting. */
export interface PodPresence {
  readonly namespace: string
  readonly kind: string
  readonly name: string
  readonly pod: string
  readonly phase: PodPhase
}

export interface ClusterObjectsOptions {
  readonly cluster: string
  readonly book: AddressBook
  readonly now: () => number
}

/** Kinds of owners that are owned themselves: what a person made is one further up. */
export type OwnerKind = 'replicaset' | 'job'

export type ObjectKind = 'pod' | 'service' | 'slice' | OwnerKind

interface HeldPod {
  readonly facts: PodFacts
  occupant: Occupant
}

/**
 * What is known of one cluster's objects, and what the address book is told of it: pods with their workloads, found
 * through their owners, and the addresses of services.
 *
 * A pod that has ended keeps its place among the cluster's objects, and its address goes to another: it is out of the book
 * from then on.
 */
export class ClusterObjects {
  readonly #options: ClusterObjectsOptions
  readonly #pods = new Map<string, HeldPod>()
  /** Owners of ReplicaSets and Jobs, by uid; undefined of one that nobody owns. */
  readonly #owners: Readonly<Record<OwnerKind, Map<string, Owner | undefined>>> = {
    replicaset: new Map(),
    job: new Map(),
  }
  /** Owners that are gone before their pods, which are still of what they were of. */
  readonly #outlived = new Set<string>()
  /** Uids of the pods of a ReplicaSet or Job, by its uid. */
  readonly #owned = new Map<string, Set<string>>()
  /** By uid of an endpoint slice: its service, and uids of the pods behind it. */
  readonly #slices = new Map<string, { readonly service: string; readonly pods: ReadonlySet<string> }>()
  /** Slices that a pod is in, by its uid. */
  readonly #slicesOfPod = new Map<string, Set<string>>()
  readonly #services = new Set<string>()

  constructor(options: ClusterObjectsOptions) {
    this.#options = options
  }

  *pods(): Generator<PodPresence> {
    for (const { facts, occupant } of this.#pods.values()) {
      const { namespace, kind, name, pod } = occupant
      yield { namespace, kind, name, pod, phase: facts.phase }
    }
  }

  setPod(object: KubernetesObject): void {
    const read = podFacts(object)
    const before = this.#pods.get(read.uid)?.facts
    // A pod that ends says no more when its network was made, only when it was taken up: another may have had the address then.
    const facts = before === undefined ? read : { ...read, fromMs: Math.max(read.fromMs, before.fromMs) }
    if (before?.owner?.uid !== facts.owner?.uid) this.#disown(facts.uid, before?.owner)
    if (facts.owner !== undefined) memberOf(this.#owned, facts.owner.uid).add(facts.uid)
    const held = { facts, occupant: this.#occupantOf(facts) }
    this.#pods.set(facts.uid, held)
    this.#tell(held)
  }

  endPod(uid: string): void {
    const held = this.#pods.get(uid)
    if (held === undefined) return
    this.#disown(uid, held.facts.owner)
    this.#pods.delete(uid)
    this.#end(uid)
  }

  /** A ReplicaSet or a Job: what its pods are of is its owner. */
  setOwner(kind: OwnerKind, object: KubernetesObject): void {
    const { uid } = object.metadata
    const owners = this.#owners[kind]
    const owner = ownerOf(object)
    const isKnown = owners.has(uid) && owners.get(uid)?.uid === owner?.uid
    owners.set(uid, owner)
    this.#outlived.delete(uid)
    if (isKnown) return
    for (const pod of this.#owned.get(uid) ?? []) this.#tellAgain(pod)
  }

  endOwner(kind: OwnerKind, uid: string): void {
    if (this.#owned.has(uid)) this.#outlived.add(uid)
    else this.#owners[kind].delete(uid)
  }

  setService(object: KubernetesObject): void {
    const { metadata } = object
    const { spec } = object as { spec?: { clusterIP?: string; clusterIPs?: readonly string[] | null } }
    const ips = [spec?.clusterIP, ...(spec?.clusterIPs ?? [])]
    const { namespace = '' } = metadata
    this.#services.add(metadata.uid)
    this.#options.book.set(this.#options.cluster, {
      id: metadata.uid,
      occupant: { namespace, kind: '', name: '', pod: '', service: metadata.name },
      ips: [...new Set(ips)].filter((ip): ip is string => ip !== undefined && ip !== '' && ip !== 'None'),
      fromMs: Date.parse(String(metadata['creationTimestamp'])) || 0,
    })
  }

  endService(uid: string): void {
    if (this.#services.delete(uid)) this.#end(uid)
  }

  /** An endpoint slice says which pods answer for a service. */
  setSlice(object: KubernetesObject): void {
    const { uid } = object.metadata
    const labels = (object.metadata['labels'] ?? {}) as Readonly<Record<string, string | undefined>>
    const { endpoints } = object as {
      endpoints?:
        readonly { readonly targetRef?: { readonly kind?: string; readonly uid?: string } | null }[] | null
    }
    const service = labels['kubernetes.io/service-name'] ?? ''
    const pods = new Set(
      (endpoints ?? []).flatMap(({ targetRef }) =>
        targetRef?.kind === 'Pod' && targetRef.uid !== undefined ? [targetRef.uid] : [],
      ),
    )
    const touched = this.#removeSlice(uid)
    if (service !== '' && pods.size > 0) {
      this.#slices.set(uid, { service, pods })
      for (const pod of pods) {
        memberOf(this.#slicesOfPod, pod).add(uid)
        touched.add(pod)
      }
    }
    for (const pod of touched) this.#tellAgain(pod)
  }

  endSlice(uid: string): void {
    for (const pod of this.#removeSlice(uid)) this.#tellAgain(pod)
  }

  /** Ends all of a kind that is not among those listed. */
  keepOnly(kind: ObjectKind, uids: ReadonlySet<string>): void {
    const gone = (known: Iterable<string>) => [...known].filter((uid) => !uids.has(uid))
    switch (kind) {
      case 'pod':
        return gone(this.#pods.keys()).forEach((uid) => this.endPod(uid))
      case 'service':
        return gone(this.#services).forEach((uid) => this.endService(uid))
      case 'slice':
        return gone(this.#slices.keys()).forEach((uid) => this.endSlice(uid))
      case 'replicaset':
      case 'job':
        return gone(this.#owners[kind].keys()).forEach((uid) => this.endOwner(kind, uid))
    }
  }

  #removeSlice(uid: string): Set<string> {
    const pods = this.#slices.get(uid)?.pods ?? []
    this.#slices.delete(uid)
    for (const pod of pods) {
      const slices = this.#slicesOfPod.get(pod)
      slices?.delete(uid)
      if (slices?.size === 0) this.#slicesOfPod.delete(pod)
    }
    return new Set(pods)
  }

  #disown(pod: string, owner: Owner | undefined): void {
    if (owner === undefined) return
    const pods = this.#owned.get(owner.uid)
    pods?.delete(pod)
    if (pods === undefined || pods.size > 0) return
    this.#owned.delete(owner.uid)
    if (!this.#outlived.delete(owner.uid)) return
    for (const owners of Object.values(this.#owners)) owners.delete(owner.uid)
  }

  #tellAgain(pod: string): void {
    const held = this.#pods.get(pod)
    if (held === undefined) return
    held.occupant = this.#occupantOf(held.facts)
    this.#tell(held)
  }

  #tell({ facts, occupant }: HeldPod): void {
    const { uid, ips, phase, fromMs } = facts
    if (phase === 'succeeded' || phase === 'failed') return this.#end(uid)
    this.#options.book.set(this.#options.cluster, { id: uid, occupant, ips, fromMs })
  }

  #end(uid: string): void {
    this.#options.book.end(this.#options.cluster, uid, this.#options.now())
  }

  #occupantOf({ uid, namespace, name, owner, templateHash }: PodFacts): Occupant {
    const { kind, name: workload } = this.#workloadOf(owner, templateHash) ?? { kind: 'pod', name }
    const services = new Set(
      [...(this.#slicesOfPod.get(uid) ?? [])].map((slice) => this.#slices.get(slice)!.service),
    )
    return {
      namespace,
      kind,
      name: workload,
      pod: name,
      service: services.size === 1 ? [...services][0]! : '',
    }
  }

  #workloadOf(owner: Owner | undefined, templateHash: string): Pick<Owner, 'kind' | 'name'> | undefined {
    if (owner?.kind !== 'replicaset' && owner?.kind !== 'job') return owner
    const owners = this.#owners[owner.kind]
    if (owners.has(owner.uid)) return owners.get(owner.uid) ?? owner
    // Not heard of yet, or not to be seen: a Deployment names its ReplicaSets so.
    const suffix = `-${templateHash}`
    if (owner.kind === 'replicaset' && templateHash !== '' && owner.name.endsWith(suffix))
      return { kind: 'deployment', name: owner.name.slice(0, -suffix.length) }
    return owner
  }
}

function memberOf(map: Map<string, Set<string>>, key: string): Set<string> {
  let set = map.get(key)
  if (set === undefined) map.set(key, (set = new Set()))
  return set
}
