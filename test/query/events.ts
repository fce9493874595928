import type { ConnectionEvent, Endpoint, RequestEvent } from '../../src/event/event.ts'
import { NOW } from './world.ts'

/** `web`, or `shop/web` in another namespace, or `sts/redis` of another kind: a workload with one pod and a service. */
export function endpoint(text: string, more: Endpoint = {}): Endpoint {
  const [, namespace = 'emojivoto', kind = 'deployment', name = ''] =
    /^(?:(?<namespace>[a-z]+)\/)?(?:(?<kind>[a-z]+):)?(?<name>.+)$/.exec(text) ?? []
  return { namespace, kind, name, pod: `${name}-1`, service: `${name}-svc`, ...more }
}

export interface RequestOptions extends Partial<Omit<RequestEvent, 'source' | 'destination'>> {
  /** Seconds before `NOW`. */
  readonly ago?: number
  readonly source?: Endpoint
  readonly destination?: Endpoint
}

/** A request from one workload to another, as the destination's proxy reports it unless told otherwise. */
export function request(source: string, destination: string, options: RequestOptions = {}): RequestEvent {
  const { ago = 15, source: moreSource, destination: moreDestination, ...fields } = options
  return {
    kind: 'request',
    timeMs: NOW - ago * 1000,
    direction: 'inbound',
    source: endpoint(source, moreSource),
    destination: endpoint(destination, moreDestination),
    method: 'GET',
    path: '/',
    status: 200,
    latencyMicros: 1000,
    ...fields,
  }
}

/** The same request as both of its proxies report it. */
export function bothSides(source: string, destination: string, options: RequestOptions = {}): RequestEvent[] {
  return [
    request(source, destination, { ...options, direction: 'inbound' }),
    request(source, destination, { ...options, direction: 'outbound' }),
  ]
}

export interface ConnectionOptions extends Partial<Omit<ConnectionEvent, 'source' | 'destination'>> {
  readonly ago?: number
  readonly source?: Endpoint
  readonly destination?: Endpoint
}

export function connection(
  source: string,
  destination: string,
  options: ConnectionOptions = {},
): ConnectionEvent {
  const { ago = 15, source: moreSource, destination: moreDestination, ...fields } = options
  return {
    kind: 'connection',
    timeMs: NOW - ago * 1000,
    direction: 'inbound',
    source: endpoint(source, moreSource),
    destination: endpoint(destination, moreDestination),
    ...fields,
  }
}

export function times<T>(count: number, of: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => of(index))
}
