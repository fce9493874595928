import { type AlsIdentifier, METADATA_KEYS } from './als-identifier.ts'
import type { Dictionary } from './dictionary.ts'
import { WORKLOAD_KINDS } from './otlp-conventions.ts'
import { normalizeKind } from './workload-kinds.ts'

/** Who reports the entries of a message, as an endpoint's id and symbols of a dictionary. */
export interface AlsReporter {
  readonly endpoint: number
  /** Symbols of that endpoint: cluster, namespace, kind, name, pod, service, ip. */
  readonly texts: readonly [number, number, number, number, number, number, number]
  /** What peers without their own inherit. */
  readonly cluster: number
  readonly namespace: number
  readonly proxy: number
  /** The side that the log's name says it is of. */
  readonly outbound: boolean
}

export const UNKNOWN_REPORTER: AlsReporter = {
  endpoint: 0,
  texts: [0, 0, 0, 0, 0, 0, 0],
  cluster: 0,
  namespace: 0,
  proxy: 0,
  outbound: false,
}

export function alsReporter(identifier: AlsIdentifier, dictionary: Dictionary): AlsReporter {
  const { symbols } = dictionary
  const { nodeId, nodeCluster, logName } = identifier
  const istio = istioNode(nodeId)
  const cluster = symbols.intern(value(identifier, 'cluster'))
  const namespace = symbols.intern(value(identifier, 'namespace') || istio.namespace)
  const { kind, name } = workloadOf(identifier) ?? { kind: 'deployment', name: nodeCluster }
  const kindSymbol = name === '' ? 0 : symbols.intern(kind)
  const nameSymbol = symbols.intern(name)
  const pod = symbols.intern(value(identifier, 'pod') || istio.pod)
  const service = symbols.intern(value(identifier, 'service'))
  const ip = symbols.intern(value(identifier, 'ip') || istio.ip)
  const texts = [cluster, namespace, kindSymbol, nameSymbol, pod, service, ip] as const
  return {
    endpoint: dictionary.endpoint(...texts, 0, 0),
    texts,
    cluster,
    namespace,
    proxy: symbols.intern(nodeId),
    outbound: logName.toLowerCase().includes('outbound'),
  }
}

function value({ metadata }: AlsIdentifier, field: keyof typeof METADATA_KEYS): string {
  for (const key of METADATA_KEYS[field]) {
    const text = metadata.get(key)
    if (text !== undefined) return text
  }
  return ''
}

function workloadOf(identifier: AlsIdentifier): { kind: string; name: string } | undefined {
  const workload = value(identifier, 'workload')
  if (workload !== '') {
    // kubernetes://apis/apps/v1/namespaces/shop/deployments/web
    const kind = value(identifier, 'owner').split('/').at(-2)
    return { kind: normalizeKind(kind ?? '') || 'deployment', name: workload }
  }
  for (const kind of WORKLOAD_KINDS) {
    const name = value(identifier, kind)
    if (name !== '') return { kind, name }
  }
  return undefined
}

/** What Istio's node ids say: `sidecar~10.1.2.3~web-6f7d-x2k.shop~shop.svc.cluster.local`. */
function istioNode(nodeId: string): { ip: string; pod: string; namespace: string } {
  const parts = nodeId.split('~')
  const [, ip = '', name = ''] = parts
  const dot = name.lastIndexOf('.')
  if (parts.length !== 4 || dot <= 0) return { ip: '', pod: '', namespace: '' }
  return { ip, pod: name.slice(0, dot), namespace: name.slice(dot + 1) }
}
