import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { freePort } from '../../stack/free-port.ts'
import { type Proxy, startEnvoy } from '../../stack/proxies.ts'
import type { Authority, Certificate } from '../certificates.ts'

const DEPLOY = new URL('../../deploy/envoy/', import.meta.url)

interface SocketAddress {
  address: string
  port_value: number
}

interface Route {
  readonly name: string
  readonly match: Readonly<Record<string, unknown>>
  readonly route: { readonly cluster: string; timeout?: string }
}

/** Of an `http_connection_manager`, or of a `tcp_proxy`. */
interface Filter {
  readonly route_config?: { readonly virtual_hosts: readonly { readonly routes: Route[] }[] }
  access_log?: { readonly typed_config: { readonly common_config: { buffer_flush_interval: string } } }[]
  tracing?: unknown
}

/** What tests change of `deploy/envoy/sidecar.yaml`. */
interface Bootstrap {
  node: unknown
  readonly admin: { readonly address: { readonly socket_address: SocketAddress } }
  readonly static_resources: {
    readonly listeners: readonly {
      readonly name: string
      readonly address: { readonly socket_address: SocketAddress }
      readonly filter_chains: readonly {
        readonly filters: readonly { readonly typed_config: Filter }[]
        transport_socket?: unknown
      }[]
    }[]
    readonly clusters: {
      readonly name: string
      transport_socket?: unknown
      readonly load_assignment: {
        readonly endpoints: readonly {
          readonly lb_endpoints: readonly {
            readonly endpoint: { readonly address: { readonly socket_address: SocketAddress } }
          }[]
        }[]
      }
    }[]
  }
}

export interface SidecarOptions {
  readonly directory: string
  /** Name of the workload that it stands beside, in the namespace `shop` of the cluster `east`. */
  readonly workload: string
  /** Where its clusters are; those that are not given are where nothing listens. */
  readonly ports: Readonly<Record<string, number>>
  /** Spans instead of access logs. */
  readonly isTracing?: boolean
  /** Mutual TLS with other sidecars, and with meshtap. */
  readonly tls?: { readonly authority: Authority; readonly certificate: Certificate }
}

export interface Sidecar extends Proxy {
  /** By listener: `inbound`, `outbound`, `outbound-tcp`. */
  readonly ports: Readonly<Record<string, number>>
  /** Figures of its own whose names match. */
  stats(filter: string): Promise<Readonly<Record<string, number>>>
}

/** The Envoy of `deploy/envoy`, on ports of the test's. */
export async function startSidecar(t: Test, options: SidecarOptions): Promise<Sidecar> {
  const { directory, workload } = options
  const config = parse(readFileSync(new URL('sidecar.yaml', DEPLOY), 'utf8')) as Bootstrap
  const { listeners, clusters } = config.static_resources
  config.node = {
    id: `${workload}-1`,
    cluster: workload,
    metadata: { cluster: 'east', namespace: 'shop', deployment: workload, pod: `${workload}-1` },
  }
  const admin = await listenOn(config.admin)
  const ports: Record<string, number> = {}
  for (const listener of listeners) {
    ports[listener.name] = await listenOn(listener)
    for (const filter of listener.filter_chains[0]!.filters) change(filter.typed_config, options)
  }
  clusters.push({ ...structuredClone(clusters.find(({ name }) => name === 'database')!), name: 'dead' })
  if (options.tls !== undefined) encrypt(config.static_resources, options.tls)
  const nobody = await freePort()
  for (const { name, load_assignment } of clusters) {
    const { socket_address } = load_assignment.endpoints[0]!.lb_endpoints[0]!.endpoint.address
    Object.assign(socket_address, { address: '127.0.0.1', port_value: options.ports[name] ?? nobody })
  }
  const proxy = await startEnvoy({ directory: join(directory, workload), config: JSON.stringify(config) })
  t.teardown(() => proxy.kill())
  const stats = async (filter: string) => {
    const text = await (await fetch(`http://127.0.0.1:${admin}/stats?filter=${filter}`)).text()
    return Object.fromEntries(
      [...text.matchAll(/^(\S+): (\d+)$/gm)].map(([, name, value]) => [name!, Number(value)]),
    )
  }
  return Object.assign(proxy, { ports, stats })
}

async function listenOn(where: {
  readonly address: { readonly socket_address: SocketAddress }
}): Promise<number> {
  const port = await freePort()
  Object.assign(where.address.socket_address, { address: '127.0.0.1', port_value: port })
  return port
}

/** `deploy/envoy/tls.yaml`, with certificates of the test's. */
function encrypt(
  { listeners, clusters }: Bootstrap['static_resources'],
  { authority, certificate }: NonNullable<SidecarOptions['tls']>,
): void {
  let text = readFileSync(new URL('tls.yaml', DEPLOY), 'utf8')
  for (const [from, to] of [
    ['/etc/envoy/tls.crt', certificate.certFile],
    ['/etc/envoy/tls.key', certificate.keyFile],
    ['/etc/envoy/ca.crt', authority.caFile],
  ] as const)
    text = text.replaceAll(from, to)
  const sockets = parse(text, { merge: true }) as Record<'inbound' | 'upstream' | 'meshtap', unknown>
  for (const { name, filter_chains } of listeners)
    if (name === 'inbound') filter_chains[0]!.transport_socket = sockets.inbound
  for (const cluster of clusters) {
    if (cluster.name === 'emoji') cluster.transport_socket = sockets.upstream
    if (cluster.name === 'meshtap') cluster.transport_socket = sockets.meshtap
  }
}

function change(filter: Filter, { isTracing = false }: SidecarOptions): void {
  for (const log of filter.access_log ?? []) log.typed_config.common_config.buffer_flush_interval = '0.1s'
  const routes = filter.route_config?.virtual_hosts[0]!.routes
  if (routes?.some(({ name }) => name === 'emoji')) {
    routes.unshift(
      { name: 'dead', match: { prefix: '/dead' }, route: { cluster: 'dead' } },
      { name: 'hang', match: { prefix: '/hang' }, route: { cluster: 'emoji', timeout: '0.3s' } },
    )
  }
  if (!isTracing || routes === undefined) return
  delete filter.access_log
  Object.assign(filter, parse(readFileSync(new URL('tracing.yaml', DEPLOY), 'utf8')))
}
