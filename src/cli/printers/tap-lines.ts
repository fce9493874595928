import type { TapEnd, TapEvent } from '../tap/tap-event.ts'
import { grpcStatusName } from './grpc-status.ts'
import { printable } from './printable.ts'

export interface TapLinesOptions {
  /** With the labels of both ends and the route after each line. */
  readonly withLabels: boolean
}

/**
 * Prints a request as the three lines that Linkerd's tap has for it: `req`, `rsp` and `end`, under an id that is counted
 * here: the number of the connection to the gateway, and that of the request on it.
 *
 * An event has one latency, from the request's first byte to the response's last. It stands as `latency` of the response
 * and its `duration` is 0, so that their sum is right. Where no response came there is no `rsp`, and `end` has it all.
 */
export class TapLines {
  readonly #withLabels: boolean
  #connection = 0
  #stream = 0

  constructor({ withLabels }: TapLinesOptions) {
    this.#withLabels = withLabels
  }

  print(event: TapEvent, connection: number): string {
    if (connection !== this.#connection) {
      this.#connection = connection
      this.#stream = 0
    }
    const id = `${connection}:${this.#stream++}`
    const ends = `${proxyText(event)} src=${address(event.source)} dst=${address(event.destination)} tls=${event.tls ?? ''}`
    const labels = this.#withLabels ? labelsOf(event) : ''
    const line = (kind: string, rest: string): string => `${kind} id=${id} ${ends} ${rest}${labels}\n`
    const { method, authority, path, status, latencyMicros, responseBytes } = event
    const request = line(
      'req',
      `:method=${printable(method)} :authority=${printable(authority)} :path=${printable(path)}`,
    )
    const hasResponse = status !== undefined
    const response = hasResponse ? line('rsp', `:status=${status} latency=${latencyMicros}µs`) : ''
    const duration = hasResponse ? 0 : latencyMicros
    const end = line('end', `${endText(event)}duration=${duration}µs response-length=${responseBytes}B`)
    return request + response + end
  }
}

function proxyText({ direction }: TapEvent): string {
  return direction === 'inbound' ? 'proxy=in ' : 'proxy=out'
}

function endText({ isReset, reason, grpcStatus }: TapEvent): string {
  // Linkerd has an HTTP/2 error code there, which events do not carry.
  if (isReset) return `reset-error=${reason === '' ? 'unknown' : word(reason)} `
  return grpcStatus === undefined ? '' : `grpc-status=${grpcStatusName(grpcStatus)} `
}

/** IP and port; where no address is known, the most precise name there is. */
function address({ ip, pod, name, service, port }: TapEnd): string {
  const host = ip ?? pod ?? name ?? service ?? '-'
  return `${host.includes(':') ? `[${word(host)}]` : word(host)}:${port ?? 0}`
}

function labelsOf({ source, destination, route }: TapEvent): string {
  return [
    ...endLabels('src_', source, 'client_id'),
    ...endLabels('dst_', destination, 'server_id'),
    ...(route === '' ? [] : [`rt_route=${word(route)}`]),
  ]
    .map((label) => ` ${label}`)
    .join('')
}

/** Under Linkerd's names, in their order: a workload's is its kind, an identity's says whose. */
function endLabels(prefix: string, end: TapEnd, identityName: string): string[] {
  const { cluster, namespace, kind, name, pod, service, identity } = end
  const labels: readonly (readonly [string, string | undefined])[] = [
    ['cluster', cluster],
    [identityName, identity],
    [kind ?? 'workload', name],
    ['namespace', namespace],
    ['pod', pod],
    ['service', service],
  ]
  return labels
    .flatMap(([label, value]) => (value === undefined ? [] : [`${prefix}${word(label)}=${word(value)}`]))
    .sort()
}

/** A text without spaces, which separate fields. */
function word(text: string): string {
  return printable(text).replaceAll(' ', '\\x20')
}
