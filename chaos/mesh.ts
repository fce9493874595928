import { random } from '../test/random.ts'

/** One end of a request, in the fields that events have. */
export interface End {
  readonly cluster: string
  readonly namespace?: string
  readonly kind?: string
  readonly name?: string
  readonly pod?: string
  readonly service?: string
  readonly ip?: string
}

/** What all events of one series have in common, and the name of that series by the rules of the docs. */
export interface Call {
  readonly index: number
  readonly direction: 'inbound' | 'outbound'
  readonly proxy: string
  readonly source: End
  readonly destination: End
  readonly method: string
  readonly authority: string
  /** Undefined: the proxy does not say. */
  readonly tls: boolean | undefined
  readonly grpc: boolean
  readonly path: PathForm
  readonly series: Series
}

/** Paths whose route is known beforehand; `route` is sent along where `isNamed`. */
export interface PathForm {
  readonly of: (n: number) => string
  readonly route: string
  readonly isNamed: boolean
}

export interface Workload {
  readonly cluster: string
  readonly namespace: string
  readonly kind: string
  readonly name: string
}

export interface Series {
  readonly workload: Workload
  readonly pod: string
  readonly direction: 'inbound' | 'outbound'
  readonly peer: Workload
  readonly service: string
  readonly authority: string
  readonly route: string
  readonly method: string
  readonly tls: boolean | undefined
}

/** How a request can end, and whether that is a failure (HTTP 5xx, gRPC UNAVAILABLE, a reset). */
export interface Outcome {
  readonly status?: number
  readonly grpcStatus?: number
  readonly reset?: true
  readonly reason?: string
  readonly isFailure: boolean
}

export const OUTCOMES: readonly Outcome[] = [
  { status: 200, isFailure: false },
  { status: 404, isFailure: false },
  { status: 500, isFailure: true },
  { status: 503, reason: 'UO', isFailure: true },
  { reset: true, reason: 'UC', isFailure: true },
]

export const GRPC_OUTCOMES: readonly Outcome[] = [
  { status: 200, grpcStatus: 0, isFailure: false },
  { status: 200, grpcStatus: 5, isFailure: false },
  { status: 200, grpcStatus: 14, isFailure: true },
]

const CLUSTERS = ['east', 'west']
const NAMESPACES = ['shop', 'pay']
const NAMES = ['web', 'cart', 'stock', 'mail']

const PATHS: readonly PathForm[] = [
  { of: (n) => `/items/${n}`, route: '/items/:id', isNamed: false },
  { of: (n) => `/list?page=${n}`, route: '/list', isNamed: false },
  { of: (n) => `/orders/${n}/lines`, route: '/orders/:id/lines', isNamed: false },
  { of: (n) => `/checkout/step-${n % 7}`, route: 'checkout', isNamed: true },
]
const GRPC_PATH: PathForm = { of: () => '/mesh.Stock/Reserve', route: '/mesh.Stock/Reserve', isNamed: false }

/**
 * The calls of a small mesh: workloads in two clusters that call each other and a host outside. Some requests are
 * reported by both proxies, some only by the destination's, those to the outside only by the source's.
 */
export function meshCalls(seed: number): readonly Call[] {
  const next = random(seed)
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)]!
  const workloads = CLUSTERS.flatMap((cluster) =>
    NAMESPACES.flatMap((namespace) =>
      NAMES.map((name): Workload & { readonly pods: readonly string[] } => ({
        cluster,
        namespace,
        kind: name === 'stock' ? 'statefulset' : 'deployment',
        name,
        pods: Array.from({ length: 2 + Math.floor(next() * 2) }, (_, i) => `${namespace}-${name}-${i}`),
      })),
    ),
  )
  const calls: Call[] = []
  const add = (call: Omit<Call, 'index'>) => calls.push({ ...call, index: calls.length })
  for (const source of workloads) {
    const others = workloads.filter((other) => other !== source && other.cluster === source.cluster)
    for (let i = 0; i < 2; i++) {
      const destination = pick(others)
      const grpc = destination.name === 'stock'
      const path = grpc ? GRPC_PATH : pick(PATHS)
      const shared = {
        method: grpc ? 'POST' : pick(['GET', 'PUT']),
        grpc,
        path,
        tls: pick([true, false, undefined]),
      }
      const service = `${destination.name}-svc`
      const authority = `${service}.${destination.namespace}:8080`
      for (const pod of destination.pods) {
        add({ ...shared, authority, ...inbound(source, destination, pod, service, authority, shared) })
      }
      if (next() < 0.5) continue
      for (const pod of source.pods) {
        add({ ...shared, authority, ...outbound(source, pod, destination, service, authority, shared) })
      }
    }
  }
  const outside: Workload = { cluster: 'east', namespace: '', kind: 'ip', name: '203.0.113.7' }
  const [client] = workloads
  const shared = { method: 'GET', grpc: false, path: PATHS[0]!, tls: true }
  const authority = 'api.example.com'
  for (const pod of client!.pods) {
    add({ ...shared, authority, ...outbound(client!, pod, outside, '', authority, shared) })
  }
  return calls
}

type Shared = Pick<Call, 'method' | 'path' | 'tls'>
type Reported = Pick<Call, 'direction' | 'proxy' | 'source' | 'destination' | 'series'>

function inbound(
  source: Workload,
  destination: Workload,
  pod: string,
  service: string,
  authority: string,
  shared: Shared,
): Reported {
  return {
    direction: 'inbound',
    proxy: `proxy-${pod}`,
    source: endOf(source),
    destination: { ...endOf(destination), pod, service },
    series: series('inbound', destination, pod, source, service, authority, shared),
  }
}

function outbound(
  source: Workload,
  pod: string,
  destination: Workload,
  service: string,
  authority: string,
  shared: Shared,
): Reported {
  return {
    direction: 'outbound',
    proxy: `proxy-${pod}`,
    source: { ...endOf(source), pod },
    destination: service === '' ? endOf(destination) : { ...endOf(destination), service },
    series: series('outbound', source, pod, destination, service, authority, shared),
  }
}

function endOf({ cluster, namespace, kind, name }: Workload): End {
  return kind === 'ip' ? { cluster, ip: name } : { cluster, namespace, kind, name }
}

function series(
  direction: Call['direction'],
  workload: Workload,
  pod: string,
  peer: Workload,
  service: string,
  authority: string,
  { path, method, tls }: Shared,
): Series {
  const { cluster, namespace, kind, name } = workload
  return {
    workload: { cluster, namespace, kind, name },
    pod,
    direction,
    peer: { cluster: peer.cluster, namespace: peer.namespace, kind: peer.kind, name: peer.name },
    service,
    authority,
    route: path.route,
    method,
    tls,
  }
}

/** A series as text: two are the same when their names are. */
export function seriesName(series: Series): string {
  const { workload, pod, direction, peer, service, authority, route, method, tls } = series
  const place = ({ cluster, namespace, kind, name }: Workload) => `${cluster}/${namespace}/${kind}/${name}`
  const secured = tls === undefined ? 'tls unknown' : tls ? 'tls' : 'no tls'
  return [
    `${place(workload)} pod "${pod}" ${direction}`,
    `peer ${place(peer)} service "${service}" authority "${authority}" route "${route}" method "${method}" ${secured}`,
  ].join(', ')
}
