import type { KubernetesObject } from './reflector.ts'

/** The object that made another, as far as it says. */
export interface Owner {
  readonly kind: string
  readonly name: string
  readonly uid: string
}

export type PodPhase = 'pending' | 'running' | 'succeeded' | 'failed' | 'unknown'

/** What is taken of a pod. */
export interface PodFacts {
  readonly uid: string
  readonly namespace: string
  readonly name: string
  /** None where it has those of its node. */
  readonly ips: readonly string[]
  readonly phase: PodPhase
  /** From when on its addresses are its own, epoch milliseconds. */
  readonly fromMs: number
  readonly owner: Owner | undefined
  /** What its ReplicaSet's name ends with; empty where it has none. */
  readonly templateHash: string
}

interface PodShape {
  readonly spec?: { readonly hostNetwork?: boolean }
  readonly status?: {
    readonly phase?: string
    readonly podIP?: string
    readonly podIPs?: readonly { readonly ip?: string }[] | null
    readonly startTime?: string
    readonly conditions?:
      | readonly { readonly type?: string; readonly status?: string; readonly lastTransitionTime?: string }[]
      | null
  }
}

const PHASES: ReadonlySet<string> = new Set(['pending', 'running', 'succeeded', 'failed'])

export function podFacts(object: KubernetesObject): PodFacts {
  const { metadata } = object
  const { spec, status } = object as PodShape
  const phase = status?.phase?.toLowerCase() ?? ''
  const ips = [status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)]
  const labels = (metadata['labels'] ?? {}) as Readonly<Record<string, string | undefined>>
  return {
    uid: metadata.uid,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    ips:
      spec?.hostNetwork === true
        ? []
        : ([...new Set(ips.filter((ip) => ip !== undefined && ip !== ''))] as string[]),
    phase: PHASES.has(phase) ? (phase as PodPhase) : 'unknown',
    fromMs: fromMsOf(object),
    owner: ownerOf(object),
    templateHash: labels['pod-template-hash'] ?? '',
  }
}

/** The controller among an object's owners. */
export function ownerOf({ metadata }: KubernetesObject): Owner | undefined {
  const owners = (metadata['ownerReferences'] ?? []) as readonly (Partial<Owner> & { controller?: boolean })[]
  const { kind, name, uid } = owners.find(({ controller }) => controller === true) ?? {}
  if (kind === undefined || name === undefined || uid === undefined) return undefined
  return { kind: kind.toLowerCase(), name, uid }
}

/**
 * When its network was made, where the kubelet says so (since Kubernetes 1.28); else when the kubelet took it up, which
 * may be while another pod still has the address.
 */
function fromMsOf(object: KubernetesObject): number {
  const { status } = object as PodShape
  const made = status?.conditions?.find(
    ({ type, status }) => type === 'PodReadyToStartContainers' && status === 'True',
  )
  const times = [made?.lastTransitionTime, status?.startTime, object.metadata['creationTimestamp']]
  return times.map((time) => Date.parse(String(time))).find((ms) => !Number.isNaN(ms)) ?? 0
}
