import { isIP } from 'node:net'
import type { Endpoint } from '../event/event.ts'

export interface HostPort {
  /** In lower case, without the brackets of an IPv6 address. */
  readonly host: string
  /** 0 where none is given. */
  readonly port: number
}

/** Splits `host[:port]`; undefined where it is neither a name nor an address. */
export function parseAuthority(text: string): HostPort | undefined {
  const [, v6, name, port = '0'] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/?#@[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = (v6 ?? name)?.toLowerCase()
  if (host === undefined || Number(port) > 65_535 || (v6 !== undefined && isIP(v6) !== 6)) return undefined
  return { host, port: Number(port) }
}

/**
 * What a name as Kubernetes' DNS has it says of a destination: `web-svc`, `web-svc.emojivoto` or
 * `web-svc.emojivoto.svc.cluster.local`, seen from `from`. An address is that; other names are taken as they are.
 */
export function endpointOfAuthority(authority: string | undefined, from: Endpoint): Endpoint {
  const parsed = authority === undefined ? undefined : parseAuthority(authority)
  if (parsed === undefined) return {}
  const { host, port } = parsed
  const at = port === 0 ? {} : { port }
  if (isIP(host) !== 0) return { ip: host, ...at }
  const [service = '', namespace, svc] = host.split('.')
  const isKubernetes = svc === undefined || svc === 'svc'
  if (!isKubernetes || host === 'localhost') return { service: host, ...at }
  const inNamespace = namespace ?? from.namespace
  return {
    ...(from.cluster === undefined ? {} : { cluster: from.cluster }),
    ...(inNamespace === undefined ? {} : { namespace: inNamespace }),
    service,
    ...at,
  }
}
