import { RequestError } from '../event/request-error.ts'
import { parseResource } from '../rollup/resource-kind.ts'
import type { ResourceKind } from './answer.ts'
import { WORKLOAD_KINDS } from './facet.ts'
import type { ParameterReader } from './parameters.ts'
import type { Peer, Target } from './target.ts'

type TargetKind = Target['kind']

/** Kinds that something can be sent from, or that a workload can be picked by. */
const SENDING_KINDS: readonly ResourceKind[] = ['cluster', 'namespace', ...WORKLOAD_KINDS, 'pod']
export const ALL_KINDS: readonly TargetKind[] = ['all', ...SENDING_KINDS, 'service', 'authority', 'route']
/** Kinds that a workload is of, or lies in. */
export const WORKLOAD_TARGET_KINDS: readonly TargetKind[] = ['all', 'cluster', 'namespace', ...WORKLOAD_KINDS]

export const TARGET_PARAMETERS = ['resource', 'namespace', 'cluster'] as const
export const PEER_PARAMETERS = [
  'to',
  'to_namespace',
  'to_cluster',
  'from',
  'from_namespace',
  'from_cluster',
] as const

/** Reads `resource`, `namespace` and `cluster`. Without a `fallback`, `resource` must be given. */
export function readTarget(
  parameters: ParameterReader,
  kinds: readonly TargetKind[],
  fallback?: TargetKind,
): Target {
  const text = parameters.text('resource') ?? fallback
  if (text === undefined) {
    throw new RequestError('resource', 'is missing: give KIND or KIND/NAME, for example deployment/web')
  }
  return readResource(parameters, 'resource', text, kinds, {
    namespace: 'namespace',
    cluster: 'cluster',
  })
}

/** Reads `to` or `from` with its namespace and cluster; the namespace is the target's where none is given. */
export function readPeer(
  parameters: ParameterReader,
  target: Target,
  kinds: readonly TargetKind[],
): Peer | undefined {
  for (const suffix of ['', '_namespace', '_cluster']) {
    if (parameters.text(`from${suffix}`) !== undefined && parameters.text(`to${suffix}`) !== undefined) {
      throw new RequestError(`from${suffix}`, `from${suffix} and to${suffix} are mutually exclusive`)
    }
  }
  for (const role of ['to', 'from'] as const) {
    const text = parameters.text(role)
    if (text !== undefined) return peerOf(parameters, role, text, target, kinds)
    for (const suffix of ['_namespace', '_cluster']) {
      if (parameters.text(`${role}${suffix}`) === undefined) continue
      throw new RequestError(`${role}${suffix}`, `is of no use without ${role}: give that too, or neither`)
    }
  }
  return undefined
}

function peerOf(
  parameters: ParameterReader,
  role: Peer['role'],
  text: string,
  target: Target,
  kinds: readonly TargetKind[],
): Peer {
  const canSend = (kind: TargetKind) => kind === 'all' || SENDING_KINDS.some((known) => known === kind)
  const allowed = kinds.filter((kind) => kind !== 'all' && (role === 'to' || canSend(kind)))
  const names = { namespace: `${role}_namespace`, cluster: `${role}_cluster` }
  const read = readResource(parameters, role, text, allowed, names)
  if (role === 'to' && !canSend(target.kind)) {
    throw new RequestError(
      'to',
      `${JSON.stringify(text)} is incompatible with a resource of the kind ${target.kind}, which sends nothing; use from`,
    )
  }
  if (target.kind === 'pod' && read.kind === 'pod') {
    throw new RequestError(
      role,
      `${JSON.stringify(text)} is incompatible with a pod as resource: a proxy knows its own pod and of its peer only the ` +
        'workload; give the workload of one of them',
    )
  }
  const namespace = target.kind === 'namespace' ? target.name : target.namespace
  const inherits = read.namespace === undefined && namespace !== undefined && !isWhole(read.kind)
  return { role, target: inherits ? { ...read, namespace } : read }
}

function readResource(
  parameters: ParameterReader,
  parameter: string,
  text: string,
  kinds: readonly TargetKind[],
  names: { readonly namespace: string; readonly cluster: string },
): Target {
  const resource = parseResource(parameter, text)
  const { kind } = resource
  if (!kinds.includes(kind)) {
    throw new RequestError(
      parameter,
      `${JSON.stringify(text)} is of the kind ${kind}, which is not possible here; give one of ${kinds.join(', ')}`,
    )
  }
  const namespace = parameters.text(names.namespace)
  const cluster = parameters.text(names.cluster)
  if (namespace !== undefined && isWhole(kind)) {
    throw new RequestError(
      names.namespace,
      `${JSON.stringify(namespace)} is incompatible with the kind ${kind} of ${parameter}, which is in no namespace`,
    )
  }
  return {
    ...resource,
    ...(namespace === undefined ? {} : { namespace }),
    ...(cluster === undefined ? {} : { cluster }),
  }
}

/** Whether a resource of the kind lies in no namespace. */
function isWhole(kind: TargetKind): boolean {
  return kind === 'cluster' || kind === 'namespace'
}
