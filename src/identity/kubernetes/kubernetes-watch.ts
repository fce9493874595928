import {
  ClusterObjects,
  type ClusterObjectsOptions,
  type ObjectKind,
  type OwnerKind,
  type PodPresence,
} from './cluster-objects.ts'
import type { KubernetesApi } from './kubernetes-api.ts'
import { Reflector, type ReflectorOptions } from './reflector.ts'

export interface KubernetesWatchOptions extends ClusterObjectsOptions {
  readonly api: KubernetesApi
  readonly onTrouble: (message: string) => void
  /** As a reflector has it. */
  readonly backoffMs?: number
}

/** A collection of the API, and who hears of its objects. */
type Collection = Pick<ReflectorOptions, 'path' | 'isMetadataOnly' | 'onObject' | 'onGone'>

/**
 * Keeps the address book up with one cluster: its pods, what owns them, its services and who is behind them. What the API
 * server does not let it see is told, and the rest goes on.
 */
export class KubernetesWatch {
  readonly #objects: ClusterObjects
  readonly #pods: Reflector
  readonly #reflectors: readonly Reflector[]

  constructor(options: KubernetesWatchOptions) {
    const { api, onTrouble, cluster, backoffMs } = options
    const objects = new ClusterObjects(options)
    this.#objects = objects
    const reflect = (kind: ObjectKind, { path, isMetadataOnly = false, onObject, onGone }: Collection) =>
      new Reflector({
        api,
        path,
        isMetadataOnly,
        onObject,
        onGone,
        onListed: (uids) => objects.keepOnly(kind, uids),
        onTrouble: (message) => onTrouble(`cluster ${cluster}: ${message}`),
        ...(backoffMs === undefined ? {} : { backoffMs }),
      })
    const owners = (kind: OwnerKind, path: string) =>
      reflect(kind, {
        path,
        isMetadataOnly: true,
        onObject: (owner) => objects.setOwner(kind, owner),
        onGone: (uid) => objects.endOwner(kind, uid),
      })
    this.#pods = reflect('pod', {
      path: '/api/v1/pods',
      onObject: (pod) => objects.setPod(pod),
      onGone: (uid) => objects.endPod(uid),
    })
    this.#reflectors = [
      this.#pods,
      reflect('service', {
        path: '/api/v1/services',
        onObject: (service) => objects.setService(service),
        onGone: (uid) => objects.endService(uid),
      }),
      reflect('slice', {
        path: '/apis/discovery.k8s.io/v1/endpointslices',
        onObject: (slice) => objects.setSlice(slice),
        onGone: (uid) => objects.endSlice(uid),
      }),
      owners('replicaset', '/apis/apps/v1/replicasets'),
      owners('job', '/apis/batch/v1/jobs'),
    ]
  }

  /** Whether all that was there is known, as far as it may be seen. */
  get isListed(): boolean {
    return this.#reflectors.every((reflector) => reflector.isListed)
  }

  /** Resolves once all that was there is known, as far as it may be seen. */
  async settle(): Promise<void> {
    await Promise.all(this.#reflectors.map(({ settled }) => settled))
  }

  /** The pods that are there; undefined while not all that were there are known, as where they may not be seen. */
  pods(): Iterable<PodPresence> | undefined {
    return this.#pods.isListed ? this.#objects.pods() : undefined
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start()
  }

  async close(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.close()))
  }
}
