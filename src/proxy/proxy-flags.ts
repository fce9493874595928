import type { Endpoint } from '../event/event.ts'
import { RequestError } from '../event/request-error.ts'
import { parseResource, type ResourceKindName } from '../rollup/resource-kind.ts'
import { parseAuthority } from '../reporter/authority.ts'
import type { ListenAddress } from './listener.ts'
import type { InboundOptions, OutboundOptions, ProxyOptions } from './proxy.ts'
import { ProxyError } from './proxy-error.ts'
import type { RouteOptions } from './route-table.ts'

/** The options of a proxy as they are written on a command line, by the names they have there. */
export interface ProxyFlags {
  /** `deploy/web`. */
  readonly workload: string
  readonly namespace: string
  readonly cluster?: string
  readonly pod?: string
  readonly service?: string
  readonly listen: string
  readonly upstream?: string
  /** What is reported of the requests from `listen` to `upstream`: `inbound`, unless it says `outbound`. */
  readonly direction?: string
  /** `deploy/vote-bot`, or `other-namespace/deploy/vote-bot`. */
  readonly source?: string
  readonly destination?: string
  readonly outboundListen?: string
  /** `voting-svc.emojivoto:80=http://10.0.0.7:8080`, more URLs separated by commas. */
  readonly route?: readonly string[]
  readonly headers?: readonly string[]
  /** Directory where events wait that cannot be sent. */
  readonly spool?: string
  /** URL of meshtap's ingest. */
  readonly ingest: string
}

/** Kinds of what sends or serves requests. */
const WORKLOAD_KINDS: ReadonlySet<ResourceKindName> = new Set([
  'deployment',
  'statefulset',
  'daemonset',
  'replicaset',
  'job',
  'cronjob',
  'pod',
])

/** Reads flags. `hostname` stands in for the pod's name. Throws a ProxyError that names the flag and its value. */
export function proxyOptions(flags: ProxyFlags, hostname: string): ProxyOptions {
  const { direction = 'inbound', upstream, outboundListen, headers, spool } = flags
  if (direction !== 'inbound' && direction !== 'outbound') {
    throw wrong('direction', direction, 'must be inbound or outbound')
  }
  if (direction === 'outbound' && outboundListen !== undefined) {
    throw wrong('direction', direction, '--outbound-listen is for outbound requests already')
  }
  if (direction === 'outbound' && upstream === undefined) {
    throw wrong(
      'direction',
      direction,
      'needs --upstream; with --outbound-listen and --route there can be several',
    )
  }
  if (upstream === undefined && outboundListen === undefined) {
    throw new ProxyError(
      'PROXY_OPTION_INVALID',
      'give --upstream, the URL of what this proxy stands before, or --outbound-listen, or both',
    )
  }
  const outbound = outboundOf(flags, direction)
  const inbound = direction === 'inbound' && upstream !== undefined && inboundOf(flags, upstream)
  return {
    workload: workloadOf(flags, hostname),
    ...(inbound ? { inbound } : {}),
    ...(outbound === undefined ? {} : { outbound }),
    ...(headers === undefined ? {} : { headers }),
    ...(spool === undefined ? {} : { spool: { directory: spool } }),
    ingestUrl: flags.ingest,
  }
}

function inboundOf(flags: ProxyFlags, upstream: string): InboundOptions {
  const { source } = flags
  return {
    listen: listenAddress('listen', flags.listen),
    upstream,
    ...(source === undefined ? {} : { source: peer('source', source, flags) }),
  }
}

function outboundOf(flags: ProxyFlags, direction: string): OutboundOptions | undefined {
  const { upstream, outboundListen, route = [], destination } = flags
  const more = destination === undefined ? {} : { destination: peer('destination', destination, flags) }
  if (direction === 'outbound' && upstream !== undefined) {
    const routes = [{ authority: '*', upstreams: [upstream] }]
    return { listen: listenAddress('listen', flags.listen), routes, ...more }
  }
  if (outboundListen === undefined) return undefined
  return { listen: listenAddress('outbound-listen', outboundListen), routes: route.map(routeOf), ...more }
}

/** A pod's host name is its own; elsewhere the workload's name makes it tell proxies on one machine apart. */
function workloadOf(flags: ProxyFlags, hostname: string): Endpoint {
  const { cluster, namespace, service } = flags
  const { kind, name } = resource('workload', flags.workload)
  const pod = flags.pod ?? (hostname.startsWith(name) ? hostname : `${name}-${hostname}`)
  return {
    ...(cluster === undefined ? {} : { cluster }),
    namespace,
    kind,
    name,
    pod,
    ...(service === undefined ? {} : { service }),
  }
}

function peer(flag: string, text: string, { cluster, namespace }: ProxyFlags): Endpoint {
  const [, otherNamespace, rest = text] = /^([^/]+)\/([^/]+\/[^/]+)$/.exec(text) ?? []
  return {
    ...(cluster === undefined ? {} : { cluster }),
    namespace: otherNamespace ?? namespace,
    ...resource(flag, rest),
  }
}

function resource(flag: string, text: string): { kind: string; name: string } {
  try {
    const { kind, name } = parseResource(flag, text)
    if (name !== undefined && WORKLOAD_KINDS.has(kind)) return { kind, name }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
  }
  throw wrong(flag, text, `must be a workload such as deploy/web, of ${[...WORKLOAD_KINDS].join(', ')}`)
}

function listenAddress(flag: string, text: string): ListenAddress {
  const { host, port } = parseAuthority(text.startsWith(':') ? `127.0.0.1${text}` : text) ?? {}
  if (host === undefined || port === undefined || !/:\d+$/.test(text)) {
    throw wrong(flag, text, 'must be an address such as 127.0.0.1:8080 or [::1]:8080')
  }
  return { host, port }
}

function routeOf(text: string): RouteOptions {
  const [, authority, urls] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (authority === undefined || urls === undefined) {
    throw wrong('route', text, 'must be HOST=URL, such as voting-svc.emojivoto:80=http://127.0.0.1:9001')
  }
  return { authority, upstreams: urls.split(',') }
}

function wrong(flag: string, value: string, message: string): ProxyError {
  return new ProxyError('PROXY_OPTION_INVALID', `--${flag} is ${JSON.stringify(value)}: ${message}`)
}
